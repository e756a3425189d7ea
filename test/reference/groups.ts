/** A value as a text that is equal exactly where group-by holds values equal: nulls alike, -0 as 0, all NaN alike. */
export function keyText(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return Object.is(value, -0) ? "0" : String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `x${[...value].join(",")}`;
  if (Array.isArray(value)) return `[${value.map(keyText).join(",")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([name, field]) => `${JSON.stringify(name)}:${keyText(field)}`)
      .join(",")}}`;
  }
  return String(value);
}

/** Dense groups in the order of first occurrence. */
export function groupRows(rows: readonly (readonly unknown[])[]): { groups: number[]; keys: (readonly unknown[])[] } {
  const groupByKey = new Map<string, number>();
  const keys: (readonly unknown[])[] = [];
  const groups = rows.map((row) => {
    const text = keyText(row);
    let group = groupByKey.get(text);
    if (group === undefined) {
      group = keys.length;
      groupByKey.set(text, group);
      keys.push(row);
    }
    return group;
  });
  return { groups, keys };
}
