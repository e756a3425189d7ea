import type { HostFiles } from "../../src/core/host.ts";
import { readFile } from "./files-contract.ts";

/** Lines of each visible file below a directory, by path; names that start with a dot are hidden. */
export function visibleLines(files: HostFiles, directory: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  if (files.stat(directory) === undefined) return found;
  for (const name of files.list(directory)) {
    if (name.startsWith(".")) continue;
    const path = `${directory}/${name}`;
    if (files.stat(path)?.isDirectory === true) Object.assign(found, visibleLines(files, path));
    else found[path] = Buffer.from(readFile(files, path)).toString().split("\n").slice(0, -1);
  }
  return found;
}

/** The numbers in all visible files, ascending. */
export const visibleNumbers = (files: HostFiles, directory: string): number[] =>
  Object.values(visibleLines(files, directory))
    .flat()
    .map(Number)
    .sort((a, b) => a - b);
