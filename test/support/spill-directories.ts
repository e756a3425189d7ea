import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";

/** Spill directories that this process left behind: empty between jobs. Other processes have theirs beside them. */
export function newSpillDirectories(before: ReadonlySet<string>): string[] {
  return spillDirectories().filter((name) => !before.has(name));
}

export const spillDirectories = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith("millrace-spill-"));
