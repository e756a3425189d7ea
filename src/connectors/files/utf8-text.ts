/** The first `limit` characters of a value, quoted, for messages. */
export function shown(text: string, limit = 60): string {
  return JSON.stringify(text.length > limit ? `${text.slice(0, limit)}...` : text);
}
