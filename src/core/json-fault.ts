/** Where and why a value would not survive as JSON; undefined where it would. `path` names it in the answer. */
export function jsonFault(value: unknown, path: string, above: ReadonlySet<object> = new Set()): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${path} is ${value}`;
  if (typeof value !== "object") return `${path} is ${value === undefined ? "undefined" : `a ${typeof value}`}`;
  if (above.has(value)) return `${path} contains itself`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    return `${path} is an object of class ${(value.constructor as { name?: string } | undefined)?.name ?? "unknown"}`;
  }
  const within = new Set([...above, value]);
  for (const [name, each] of Object.entries(value)) {
    const fault = jsonFault(each, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`, within);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
