import type { Column } from "../../core/column.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";

/** The values of one page, nulls left out. */
export interface EncodedValues {
  readonly encoding: number;
  readonly address: Address;
  readonly byteLength: number;
  /** How many values there are. */
  readonly count: number;
}

/** Which values of a page are wanted. */
export interface PickedValues {
  /** u32 each, ascending positions among the page's values, each `base` too high. */
  readonly positions: Address;
  readonly base: number;
  /** u32[2] of the page, see the kernel parquetPick. */
  readonly cursor: Address;
}

/** Where the values of a page go: `count` slots from `first` on, of which those whose bit is set receive one each. */
export interface PageSlots {
  readonly first: number;
  readonly count: number;
  /** Slots that hold a value; equal to `count` where the page has no nulls. */
  readonly present: number;
  /** The bit of slot `first` is bit `firstBit` of `bitmap`. */
  readonly bitmap: Address;
  readonly firstBit: number;
}

/** Collects the values of consecutive pages of one leaf as one column. */
export interface ValueWriter {
  append(values: EncodedValues, slots: PageSlots): void;
  /** Like `append` with only some of the values, where `canPick` allows it: those at the `slots.present` ascending positions. */
  pick(values: EncodedValues, picked: PickedValues, slots: PageSlots): void;
  /**
   * The column of all slots; `validity` is null where none is null. Gives the blocks away, and takes over `validity`:
   * afterwards only `release` may be called, and does nothing.
   */
  finish(slotCount: number, validity: Block | undefined): Column;
  release(): void;
}
