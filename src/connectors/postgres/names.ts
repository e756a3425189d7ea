/** A name in SQL, whatever characters it has. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const quotedIn = (schema: string, name: string): string => `${quoted(schema)}.${quoted(name)}`;

/** A literal in SQL, for what takes no parameters. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
