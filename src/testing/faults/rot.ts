import type { HostFiles } from "../../core/host.ts";
import type { Simulation } from "../simulation.ts";

/**
 * Flips one bit of a stored checkpoint, for good: mostly of the newest, of another file now and then.
 * `choice` decides on the file and the bit.
 */
export function rotCheckpoint(simulation: Simulation, directory: string, choice: number): void {
  const { files } = simulation.quietHost;
  if (files.stat(directory) === undefined) return;
  const all = [...filesBelow(files, directory)].filter((path) => (files.stat(path)?.sizeBytes ?? 0) > 0);
  const newest = all.filter((path) => path.includes(newestOf(all)));
  const candidates = choice % 4 === 0 || newest.length === 0 ? all : newest;
  if (candidates.length === 0) return;
  const path = candidates[choice % candidates.length];
  const bits = (files.stat(path)?.sizeBytes ?? 0) * 8;
  const bit = (choice * 2_654_435_761) % bits;
  simulation.disk.flipBit(path, bit);
  simulation.note("rot", `${path} bit ${bit}`);
}

/** The part of names that files of the newest checkpoint have in common. */
function newestOf(paths: readonly string[]): string {
  const keys = paths.flatMap((path) => /(?:chk-|state\/)(\d+-\d+)/.exec(path)?.[1] ?? []).sort();
  return keys.at(-1) ?? "attempts/";
}

function* filesBelow(files: HostFiles, directory: string): Generator<string> {
  for (const name of files.list(directory)) {
    const path = `${directory}/${name}`;
    if (files.stat(path)?.isDirectory === true) yield* filesBelow(files, path);
    else yield path;
  }
}
