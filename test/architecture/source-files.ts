import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");

/** A node of a syntax tree, as oxc-parser gives it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}

/** One mention of another module: import, export from, import() or a type import("...") alike. */
export interface ModuleReference {
  readonly specifier: string;
  /** Path from the repository's root, for relative references. */
  readonly target: string | undefined;
  readonly line: number;
}

export interface SourceFile {
  /** From the repository's root, with "/". */
  readonly path: string;
  readonly text: string;
  readonly program: SyntaxNode;
  readonly references: readonly ModuleReference[];
}

/** Paths below a folder, from the repository's root, sorted. */
export function filesBelow(folder: string, suffix: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .filter((path) => path.endsWith(suffix) && !path.includes("/node_modules/"))
    .sort();
}

export const readText = (path: string): string => readFileSync(join(ROOT, path), "utf8");

let parsed: readonly SourceFile[] | undefined;

/** All TypeScript of the engine, parsed once. */
export function engineFiles(): readonly SourceFile[] {
  parsed ??= filesBelow("src", ".ts").map((path) => parseFile(path, readText(path)));
  return parsed;
}

/** @throws where the text is no TypeScript. */
export function parseFile(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0].message}`);
  const root = program as unknown as SyntaxNode;
  const references: ModuleReference[] = [];
  visit(root, (node) => {
    const source = REFERRING.has(node.type) ? (node.source as SyntaxNode | null) : null;
    if (source === null || typeof source.value !== "string") return;
    const specifier = source.value;
    const target = specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined;
    references.push({ specifier, target, line: lineOf(text, source.start) });
  });
  return { path, text, program: root, references };
}

const REFERRING: ReadonlySet<string> = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
  "TSImportType",
]);

/** Calls back for every node of a tree, parents first. */
export function visit(
  node: SyntaxNode,
  use: (node: SyntaxNode, parent?: SyntaxNode) => void,
  parent?: SyntaxNode,
): void {
  use(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) visit(child, use, node);
    }
  }
}

export const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";

export const lineOf = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;
