import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A fenced `ts` block of a page. */
export interface Example {
  /** `dataset-guide.md:12`, the line of the fence. */
  readonly title: string;
  /** A file name of its own. */
  readonly id: string;
  readonly code: string;
  /** False where the block is marked `ts no-run`: it is compiled only. */
  readonly runs: boolean;
  /** What it prints: the `text` block that follows directly. A line `...` stands for any lines. */
  readonly output?: string;
}

/** README.md and the pages of docs/, from the repository's root. */
export const pages = (): string[] => [
  "README.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) => `docs/${name}`),
];

export const pageText = (page: string): string => readFileSync(join(ROOT, page), "utf8");

const BLOCK = /^```ts( no-run)?\n([\s\S]*?)^```$(?:\n+^```text\n([\s\S]*?)^```$)?/gm;

export function examplesOf(page: string): Example[] {
  const text = pageText(page);
  return [...text.matchAll(BLOCK)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    const name = basename(page, ".md");
    const [, noRun, code, output] = match;
    return {
      title: `${page}:${line}`,
      id: `${name}-${line}`,
      code,
      runs: noRun === undefined,
      ...(output === undefined ? {} : { output }),
    };
  });
}

/** The text with trailing blanks removed; an expectation's `...` lines match any lines. */
export function outputMatches(printed: string, expected: string): boolean {
  const clean = (text: string) => text.trimEnd().replace(/[ \t]+$/gm, "");
  const parts = clean(expected).split(/^\.\.\.$/m);
  const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[\\s\\S]*?");
  return new RegExp(`^${pattern}$`).test(clean(printed));
}
