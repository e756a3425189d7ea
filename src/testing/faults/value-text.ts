/** A value as TypeScript would write it: `{ key: "a", total: 3n }`. Equal texts stand for equal values. */
export function valueText(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : `${value}`;
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Date) return `new Date("${Number.isNaN(value.getTime()) ? "?" : value.toISOString()}")`;
  if (value instanceof Uint8Array) return `bytes(${value.join()})`;
  if (value instanceof Map) return `Map(${[...value].map((each) => each.map(valueText).join(" => ")).join(", ")})`;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return `[${Array.from(value as ArrayLike<unknown>, valueText).join(", ")}]`;
  }
  const fields = Object.entries(value).map(([name, each]) => `${nameText(name)}: ${valueText(each)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

const nameText = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
