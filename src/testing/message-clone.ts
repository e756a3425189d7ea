import { PlanError } from "../core/errors.ts";

/**
 * A message as the other end of a link gets it: copied as structured clone copies, so that nothing but shared memory is
 * shared. Classes lose their prototypes, functions and symbols cannot be sent, and `transferred` arrives as is.
 */
export function cloneMessage(message: unknown, transferred: readonly unknown[]): unknown {
  const copies = new Map<object, unknown>();
  for (const each of transferred) if (typeof each === "object" && each !== null) copies.set(each, each);
  return clone(message, copies);
}

function clone(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw unsendable(typeof value);
  if (typeof value !== "object" || value === null) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (isShared(value)) return value;
  if (Array.isArray(value)) {
    const copy: unknown[] = [];
    copies.set(value, copy);
    for (const each of value) copy.push(clone(each, copies));
    return copy;
  }
  if (isBuiltIn(value)) {
    const copy: unknown = structuredClone(value);
    copies.set(value, copy);
    return copy;
  }
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>();
    copies.set(value, copy);
    for (const [key, each] of value) copy.set(clone(key, copies), clone(each, copies));
    return copy;
  }
  if (value instanceof Set) {
    const copy = new Set<unknown>();
    copies.set(value, copy);
    for (const each of value) copy.add(clone(each, copies));
    return copy;
  }
  if (value instanceof UnsendableUnlessTransferred) throw unsendable("end of a link that is not transferred");
  const copy: Record<string, unknown> = {};
  copies.set(value, copy);
  for (const [name, each] of Object.entries(value)) {
    // Not by assignment: "__proto__" is a name like any other here.
    Object.defineProperty(copy, name, {
      value: clone(each, copies),
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return copy;
}

/** Something that a message may hold only where it is transferred with it. */
export abstract class UnsendableUnlessTransferred {}

/** What threads share, or what cannot change. */
const isShared = (value: object): boolean =>
  value instanceof SharedArrayBuffer ||
  SHARED_TAGS.has(Object.prototype.toString.call(value)) ||
  (ArrayBuffer.isView(value) && value.buffer instanceof SharedArrayBuffer);

const SHARED_TAGS: ReadonlySet<string> = new Set(["[object WebAssembly.Memory]", "[object WebAssembly.Module]"]);

const isBuiltIn = (value: object): boolean =>
  value instanceof Date ||
  value instanceof RegExp ||
  value instanceof Error ||
  value instanceof ArrayBuffer ||
  ArrayBuffer.isView(value);

const unsendable = (what: string): PlanError =>
  new PlanError(
    "MESSAGE_UNSENDABLE",
    `A message between threads holds a ${what}.`,
    "Send plain data; list in `transfer` what moves.",
  );
