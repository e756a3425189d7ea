import { isBuiltin } from "node:module";
import { lineOf, type SourceFile, type SyntaxNode, visit } from "./source-files.ts";

/** Built-in modules that compute and touch nothing outside; free everywhere. */
const PURE_MODULES: ReadonlySet<string> = new Set(["node:buffer", "node:path", "node:path/posix", "node:util"]);

/** Names of the global scope through which the outside world comes in. */
const OUTSIDE_GLOBALS: ReadonlySet<string> = new Set([
  "process",
  "performance",
  "crypto",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "fetch",
  "WebSocket",
  "Worker",
  "MessageChannel",
  "BroadcastChannel",
  "localStorage",
  "navigator",
  "require",
]);

/** Each use of clock, randomness, files, network, threads or environment, as "path:line what". */
export function outsideUses({ path, text, program, references }: SourceFile): OutsideUse[] {
  const uses: OutsideUse[] = [];
  for (const { specifier, line } of references) {
    if (isBuiltin(specifier) && !PURE_MODULES.has(specifier)) uses.push({ path, line, what: specifier });
  }
  visit(program, (node, parent) => {
    const what = outsideUse(node, parent);
    if (what !== undefined) uses.push({ path, line: lineOf(text, node.start), what });
  });
  return uses;
}

export interface OutsideUse {
  readonly path: string;
  readonly line: number;
  /** "node:fs", "Date.now", "new Date()", "setTimeout", ... */
  readonly what: string;
}

function outsideUse(node: SyntaxNode, parent: SyntaxNode | undefined): string | undefined {
  switch (node.type) {
    case "MemberExpression": {
      const owner = nameOf(node.object);
      const member = nameOf(node.property);
      if (owner === "Date" && member === "now") return "Date.now";
      if (owner === "Math" && member === "random") return "Math.random";
      if (owner === "globalThis" && OUTSIDE_GLOBALS.has(member)) return member;
      return undefined;
    }
    case "NewExpression":
      // With an argument it converts; without one it reads the clock.
      return nameOf(node.callee) === "Date" && isEmpty(node.arguments) ? "new Date()" : undefined;
    case "CallExpression":
      return nameOf(node.callee) === "Date" ? "Date()" : undefined;
    case "Identifier":
      return OUTSIDE_GLOBALS.has(nameOf(node)) && isReference(node, parent) ? nameOf(node) : undefined;
    default:
      return undefined;
  }
}

const nameOf = (node: unknown): string => {
  const { type, name } = (node ?? {}) as { type?: string; name?: string };
  return type === "Identifier" ? (name ?? "") : "";
};

const isEmpty = (list: unknown): boolean => Array.isArray(list) && list.length === 0;

/** An identifier that stands for a variable: no property, key or name that is being declared. */
function isReference(node: SyntaxNode, parent: SyntaxNode | undefined): boolean {
  if (parent === undefined) return true;
  // A name that is imported belongs to its module, which is looked at by itself.
  if (/^(Import|Export).*Specifier$/.test(parent.type)) return false;
  if (parent.type === "MemberExpression") return parent.object === node || parent.computed === true;
  if (parent.type.startsWith("TS")) return parent.type === "TSAsExpression" || parent.type === "TSNonNullExpression";
  return !("key" in parent && parent.key === node && parent.computed !== true && parent.shorthand !== true);
}
