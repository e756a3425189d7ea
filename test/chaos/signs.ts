import { type FSWatcher, mkdirSync, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import type { Sign } from "./moments.ts";

const WATCHED = ["checkpoints", "checkpoints/attempts", "checkpoints/state", "journal", "hours"];

/** Tells of each name that turns up in the directories of a job, once. */
export function watchNames(directory: string, tell: (sign: Sign) => void): () => void {
  const watchers: FSWatcher[] = [];
  const seen = new Set<string>();
  const see = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    tell({ kind: "name", path });
    if (/\/chk-[^/]*$/.test(path)) follow(path);
  };
  const follow = (path: string) => {
    try {
      // What goes away tells its name, too, which has been seen by then.
      const watcher = watch(join(directory, path), (_, file) => file !== null && see(`${path}/${file}`));
      // The directory of a checkpoint that is not retained goes.
      watcher.on("error", () => watcher.close());
      watchers.push(watcher);
      for (const file of readdirSync(join(directory, path))) see(`${path}/${file}`);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
    }
  };
  for (const path of WATCHED) {
    mkdirSync(join(directory, path), { recursive: true });
    const before = readdirSync(join(directory, path));
    for (const file of before) seen.add(`${path}/${file}`);
    follow(path);
  }
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}
