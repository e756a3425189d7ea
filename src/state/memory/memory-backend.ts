import type { KeyedStateFactory } from "../../core/state/keyed-backend.ts";
import { CellsBackend } from "./cells-backend.ts";
import { MemoryCells } from "./memory-cells.ts";
import { writeStates } from "./write-states.ts";

/** Keyed state in JavaScript maps: as fast as state can be, and as large as the heap. */
export const memoryState: KeyedStateFactory = (options) => {
  const cells = new MemoryCells(options.keyGroups);
  return new CellsBackend(options, {
    cells,
    keepsColumns: true,
    // What has changed is noted from before the first cell.
    onState: ({ index }) => cells.changesOf(index),
    write: (states, writer) => writeStates(options, cells, states, writer),
    close: () => undefined,
  });
};
