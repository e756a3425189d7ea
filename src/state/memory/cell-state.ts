import type { StateDescriptor } from "../../core/state/descriptors.ts";
import type { KeyIdentity } from "../../core/state/key-identity.ts";
import type { StoredType } from "../../core/state/stored-value.ts";
import type { Expiry } from "./expiry.ts";
import type { Slot } from "./key-cells.ts";
import type { Cell } from "./key-entry.ts";
import type { UnreadValues } from "./unread-values.ts";

/** One row of a state's snapshot table, key and namespace aside. */
export interface CellRow {
  /** Of map state only. */
  readonly mapKey?: unknown;
  readonly value: unknown;
  /** Undefined without a time to live, NaN where it is not known. */
  readonly updatedAtMs?: number | undefined;
}

/** What the backend does with the cells of a state, whatever its kind. */
export interface CellState {
  readonly descriptor: StateDescriptor;
  readonly expiry: Expiry | undefined;
  /** Restored values that cells may stand for; undefined where they are all read at once. */
  readonly unread?: UnreadValues | undefined;
  /** The rows of a cell that have not expired. */
  rows(cell: Cell): Iterable<CellRow>;
  /** How many there are at most. */
  rowCount(cell: Cell): number;
  /** The cell with a row more, as `CellRow` has it; undefined is an empty cell. */
  restored(cell: Cell, value: unknown, updatedAtMs: number | undefined, mapKey: unknown): Cell;
  /** What a question from outside gets. */
  plain(cell: Cell): unknown;
  /** Frees what has expired, a value per step; `drop` empties the cell once nothing is left, else `freed` hears of it. */
  sweep(cell: Cell, drop: () => void, freed: () => void): Generator<void, void, void>;
}

/** What a state is made of. */
export interface StateParts {
  readonly slot: Slot;
  readonly stored: StoredType;
  readonly expiry: Expiry | undefined;
  /** For states of one value. */
  readonly unread?: UnreadValues | undefined;
  /** Of map state. */
  readonly mapKey?: { readonly stored: StoredType; readonly identity: KeyIdentity };
}
