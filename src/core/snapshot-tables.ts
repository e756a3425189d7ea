import { assert } from "./errors.ts";
import type { LeastValue, StateKind } from "./state-snapshot.ts";

/** One state table of one subtask, outside of linear memory: the bytes are an Arrow IPC stream. */
export interface TableSnapshot {
  readonly name: string;
  readonly kind: StateKind;
  readonly rowCount: number;
  readonly bytes: Uint8Array;
  /** The bytes are what has changed since that snapshot of the subtask. */
  readonly changes?: { readonly since: number; readonly unit: readonly string[]; readonly least?: LeastValue };
}

export type TableFormat = typeof import("./arrow-tables.ts");

let format: TableFormat | undefined;

/** Imports apache-arrow, whose start a batch job need not wait for; before a job that takes or restores snapshots. */
export async function loadTableFormat(): Promise<void> {
  format ??= await import("./arrow-tables.ts");
}

/** Puts another in place of the format, which is loaded, and returns the way back: for simulations. */
export function replaceTableFormat(replace: (loaded: TableFormat) => TableFormat): () => void {
  const loaded = tableFormat();
  format = replace(loaded);
  return () => {
    format = loaded;
  };
}

/** How state tables are encoded. `loadTableFormat` has been awaited. */
export function tableFormat(): TableFormat {
  assert(format !== undefined, "the format of state tables is loaded before a job that needs it");
  return format;
}
