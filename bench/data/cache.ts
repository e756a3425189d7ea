/** Where generated benchmark inputs live, and how they are made exactly once. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout that holds this benchmark. */
export const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Git-ignored; deleting it costs only the time to generate the inputs again. */
export const cacheRoot = join(projectRoot, ".cache", "bench");

/** Absolute path of a cached file or folder. */
export function cachePath(...parts: string[]): string {
  return join(cacheRoot, ...parts);
}

/**
 * Returns the cached path, calling `write` first if nothing is there yet.
 * The content appears under its final name only when complete, so an interrupted generator leaves no half file.
 */
export async function cachedOnce(relative: string, write: (path: string) => Promise<void>): Promise<string> {
  const path = cachePath(relative);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  process.stderr.write(`generating ${relative}\n`);
  await write(unfinished);
  renameSync(unfinished, path);
  return path;
}
