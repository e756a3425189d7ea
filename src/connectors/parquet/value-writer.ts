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
  /**
   * The column of all slots; `validity` is null where none is null. Gives the blocks away, and takes over `validity`:
   * afterwards only `release` may be called, and does nothing.
   */
  finish(slotCount: number, validity: Block | undefined): Column;
  release(): void;
}
