import { NodeFiles } from "../../src/host/node-files.ts";
import { NodeProcesses } from "../../src/host/node-processes.ts";

/** A temporary directory of this process: it goes with it, or, where that is killed, with the next run. */
export function runDirectory(prefix: string): string {
  const files = new NodeFiles(new NodeProcesses());
  files.removeAbandonedDirectories(prefix);
  return files.makeTemporaryDirectory(prefix);
}
