import { SharedCode } from "./shared-code.ts";

let isPossible: boolean | undefined;
let serial = 0;

/** False where the process forbids making code from strings (`--disallow-code-generation-from-strings`, some CSPs). */
export function canGenerateCode(): boolean {
  if (isPossible === undefined) {
    try {
      new Function("return 0");
      isPossible = true;
    } catch {
      isPossible = false;
    }
  }
  return isPossible;
}

/**
 * Compiles a function body and calls it. Each call gives code of its own: V8 shares functions of equal source and with
 * them their type feedback, so that two operators would make each other's user function megamorphic.
 * `source` holds no text from outside except string literals made by `literal`, and `parameters` nothing of a job.
 * `clear` takes out of the code what a job has put into it.
 */
export function generateCode<T extends object>(
  purpose: string,
  parameters: Record<string, unknown>,
  source: string,
  clear: (code: T) => void,
): T {
  if (shared !== undefined) return shared.take(source, () => compile(purpose, parameters, source), clear);
  return compile<T>(purpose, parameters, source)();
}

/** Gives what makes the code: each call makes new code. */
function compile<T>(purpose: string, parameters: Record<string, unknown>, source: string): () => T {
  const unique = `"use strict";${source}\n//# sourceURL=millrace-generated/${purpose}-${serial++}.js`;
  const make = new Function(...Object.keys(parameters), unique) as (...values: readonly unknown[]) => T;
  const values = Object.values(parameters);
  return () => make(...values);
}

let shared: SharedCode | undefined;

/**
 * From now on, code of equal source is compiled once, and used again after the jobs of `codeForJobs`: for simulations,
 * which run thousands of jobs over a few rows, so that to make code costs more than slow calls. Returns the way back.
 */
export function shareCode(): () => void {
  const before = shared;
  shared ??= new SharedCode();
  return () => {
    shared = before;
  };
}

/** Code that is made from now on is free for others when the result is called; without `shareCode` nothing is. */
export const codeForJobs = (): (() => void) => shared?.begin() ?? (() => undefined);

/** How many pieces of idle code are kept for later jobs. */
const IDLE_LIMIT = 64;
const idleCode: { readonly key: string; readonly code: object }[] = [];

/**
 * Code that serves one user function at a time: what an earlier job gave back for the same key, else what `make` makes.
 * A function that runs again then meets code that is compiled already and rows of the hidden class that it knows; with
 * rows of a new class in each job it would become megamorphic after four.
 */
export function takeCode<T extends object>(key: string, make: () => T): T {
  // What jobs share comes back by itself.
  if (shared !== undefined) return make();
  const index = idleCode.findLastIndex((idle) => idle.key === key);
  return index < 0 ? make() : (idleCode.splice(index, 1)[0].code as T);
}

/** Gives code back, which must hold no rows and no memory of its job any more. */
export function giveBackCode(key: string, code: object): void {
  if (shared !== undefined) return;
  idleCode.push({ key, code });
  if (idleCode.length > IDLE_LIMIT) idleCode.shift();
}

/** Any text as a string literal of JavaScript source. */
export const literal = (text: string): string => JSON.stringify(text);

/** A property of an object literal; in the plain form `__proto__` would set the prototype. */
export const propertyKey = (name: string): string => (name === "__proto__" ? '["__proto__"]' : literal(name));
