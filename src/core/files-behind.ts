import type { FilesBehind, HostFiles } from "./host.ts";

/** For files whose calls cost no time: each comes in a turn of its own, so that other work comes between them. */
export function filesBehind(files: Omit<HostFiles, "behind">, turn: () => Promise<void>): FilesBehind {
  return {
    write: async (path, parts) => {
      await turn();
      const file = files.openWrite(path);
      try {
        for (const part of parts) {
          await turn();
          file.write(part);
        }
        await turn();
        file.sync();
      } finally {
        file.close();
      }
    },
    rename: async (from, to) => {
      await turn();
      files.rename(from, to);
    },
    remove: async (path) => {
      await turn();
      files.remove(path);
    },
    syncDirectory: async (path) => {
      await turn();
      files.syncDirectory(path);
    },
  };
}
