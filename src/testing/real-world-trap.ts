import { isCleaningUp } from "../host/collected.ts";
import { OWN_FOLDER } from "../host/package-layout.ts";
import { RealWorldError } from "./simulation-errors.ts";

/** What code must not use while it is simulated, by the object that has it. */
const TRAPPED: readonly { readonly owner: string | undefined; readonly names: readonly string[] }[] = [
  { owner: "Date", names: ["now"] },
  { owner: "Math", names: ["random"] },
  { owner: "performance", names: ["now"] },
  { owner: "crypto", names: ["randomUUID", "getRandomValues"] },
  { owner: undefined, names: ["setTimeout", "setInterval", "setImmediate", "fetch"] },
];

let users = 0;
let holders = 0;
let installed: readonly Installed[] = [];
const violations: RealWorldError[] = [];

/** A function that stands where another one was. */
interface Installed {
  readonly target: Functions;
  readonly name: string;
  readonly before: PropertyDescriptor | undefined;
  readonly trap: Functions[string];
}

type Functions = Record<string, (...args: unknown[]) => unknown>;

/**
 * Makes real time, timers and randomness throw RealWorldError for whoever uses them, but for packages in node_modules:
 * a test runner's own timers go on. May be installed several times; the result takes one installation back.
 */
export function installTrap(): () => void {
  if (users++ === 0) {
    violations.length = 0;
    // Whoever replaced it meanwhile (fake timers) is trapped too.
    if (!installed.every(({ target, name, trap }) => target[name] === trap)) restoreAll();
    replaceAll();
  }
  return once(() => {
    if (--users === 0 && holders === 0) restoreAll();
  });
}

/**
 * Until the result is called, traps stay where they are between installations, and let everything pass then: to install
 * them takes as long as a short run.
 */
export function holdTrap(): () => void {
  holders++;
  return once(() => {
    if (--holders === 0 && users === 0) restoreAll();
  });
}

/** The oldest use that was trapped and not yet taken: also one whose error the code caught. */
export const takeViolation = (): RealWorldError | undefined => violations.shift();

function once(run: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    run();
  };
}

function replaceAll(): void {
  if (installed.length > 0) return;
  const made: Installed[] = [];
  for (const { owner, names } of TRAPPED) {
    const target = (owner === undefined ? globalThis : Reflect.get(globalThis, owner)) as Functions | undefined;
    if (target === undefined) continue;
    for (const name of names) {
      const before = Object.getOwnPropertyDescriptor(target, name);
      const original = target[name];
      if (original === undefined) continue;
      const what = owner === undefined ? name : `${owner}.${name}`;
      const trap = function (this: unknown, ...args: unknown[]): unknown {
        if (users === 0 || isOutsider(trap)) return original.apply(this, args);
        const error = new RealWorldError(what);
        violations.push(error);
        throw error;
      };
      // Properties of the function, such as setTimeout's `__promisify__`, stay.
      Object.defineProperties(trap, Object.getOwnPropertyDescriptors(original));
      Object.defineProperty(target, name, { value: trap, writable: true, configurable: true, enumerable: true });
      made.push({ target, name, before, trap });
    }
  }
  installed = made;
}

function restoreAll(): void {
  for (const { target, name, before, trap } of installed) {
    // Whoever replaced it meanwhile (fake timers) keeps what he put there.
    if (target[name] !== trap) continue;
    if (before === undefined) delete target[name];
    else Object.defineProperty(target, name, before);
  }
  installed = [];
}

/** Is the nearest caller of `trap` a package other than this one, or Node itself, or cleaning up behind the real host? */
function isOutsider(trap: object): boolean {
  if (isCleaningUp()) return true;
  const caller = callerFile(trap);
  // Millrace itself is a package when it is installed.
  if (caller === undefined || caller.startsWith(OWN_PATH)) return false;
  return caller.startsWith("node:") || caller.includes("/node_modules/");
}

function callerFile(trap: object): string | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 8;
    Error.prepareStackTrace = (_, sites) => sites;
    const holder: { stack?: NodeJS.CallSite[] } = {};
    // Leaves out the trap itself, which a bundle puts into one file with code that it watches.
    Error.captureStackTrace(holder, trap as () => unknown);
    const files = (holder.stack ?? []).map((site) => asPath(site.getFileName() ?? ""));
    return files.find((file) => file !== "");
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const asPath = (file: string): string => file.replace(/^file:\/\//, "").replace(/\?.*$/, "");
const OWN_PATH = asPath(OWN_FOLDER.href);
