import { expect, it } from "vitest";
import { filesBelow, readText } from "./source-files.ts";

/** Past this, a file is looked at for the second idea in it; past the other, it is split. */
const LOOK_LINES = 400;
const MOST_LINES = 1000;

interface Size {
  path: string;
  lines: number;
}

const sizesOf = (folder: string): Size[] =>
  filesBelow(folder, ".ts").map((path) => ({ path, lines: readText(path).split("\n").length - 1 }));

const over = (sizes: readonly Size[], limit: number): string[] =>
  sizes
    .filter(({ lines }) => lines > limit)
    .sort((a, b) => b.lines - a.lines)
    .map(({ path, lines }) => `${path}: ${lines} lines`);

it("no file of kernels or engine is longer than 1,000 lines", () => {
  const sizes = [...sizesOf("kernels"), ...sizesOf("src")];
  const long = over(sizes, LOOK_LINES);
  if (long.length > 0)
    console.warn(`Longer than ${LOOK_LINES} lines, worth a look for a second idea:\n  ${long.join("\n  ")}`);
  expect(over(sizes, MOST_LINES)).toEqual([]);
});
