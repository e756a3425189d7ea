import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";

const SEGMENT_SHIFT = 13;
const SEGMENT_ROWS = 2 ** SEGMENT_SHIFT;
const SMALLEST_ROWS = 64;

/** Zero-initialised rows of fixed size, in segments of equal size: growing moves none but those of a small first segment. */
export class RowSegments {
  readonly stride: number;
  readonly #workspace: Workspace;
  readonly #blocks: Block[] = [];
  #firstRows = 0;
  /** u32 address per segment. */
  #table: Block | undefined;

  constructor(workspace: Workspace, stride: number) {
    this.#workspace = workspace;
    this.stride = stride;
  }

  get byteLength(): number {
    const { length } = this.#blocks;
    return length <= 1 ? this.#firstRows * this.stride : length * SEGMENT_ROWS * this.stride;
  }

  /** Bytes that it would take on top to hold so many rows in all. */
  growthBytes(rowCount: number): number {
    const rows = rowCount <= SEGMENT_ROWS ? rowCount * 2 : Math.ceil(rowCount / SEGMENT_ROWS) * SEGMENT_ROWS;
    return Math.max(0, rows * this.stride - this.byteLength);
  }

  /** Makes room for so many rows in all. */
  ensure(rowCount: number): void {
    const workspace = this.#workspace;
    if (rowCount > this.#firstRows && this.#firstRows < SEGMENT_ROWS) {
      const rows = Math.min(SEGMENT_ROWS, Math.max(SMALLEST_ROWS, 2 ** Math.ceil(Math.log2(rowCount))));
      const block = workspace.allocateZeroed(rows * this.stride);
      const [old] = this.#blocks;
      if (old !== undefined) workspace.kernels.copyBytes(block.address, old.address, this.#firstRows * this.stride);
      old?.release();
      this.#blocks[0] = block;
      this.#firstRows = rows;
      this.#forgetTable();
    }
    while (this.#blocks.length * SEGMENT_ROWS < rowCount && this.#firstRows === SEGMENT_ROWS) {
      this.#blocks.push(workspace.allocateZeroed(SEGMENT_ROWS * this.stride));
      this.#forgetTable();
    }
  }

  /** Where a row begins, for which there is room, and how many rows lie behind it, itself included. */
  at(row: number): { readonly address: Address; readonly room: number } {
    const offset = row % SEGMENT_ROWS;
    return { address: this.#blocks[row >>> SEGMENT_SHIFT].address + offset * this.stride, room: SEGMENT_ROWS - offset };
  }

  /** u32 address of each of the rows u32[count], NO_ROW where it is that; the caller owns the block. */
  addresses(rows: Address, count: number): Block {
    const addresses = this.#workspace.allocate(count * 4);
    const table = this.#openTable();
    const { kernels } = this.#workspace;
    kernels.rowStoreAddresses(rows, count, table.address, SEGMENT_SHIFT, this.stride, addresses.address);
    return addresses;
  }

  release(): void {
    for (const block of this.#blocks.splice(0)) block.release();
    this.#firstRows = 0;
    this.#forgetTable();
  }

  #openTable(): Block {
    if (this.#table !== undefined) return this.#table;
    const table = this.#workspace.allocate(Math.max(1, this.#blocks.length) * 4);
    for (const [i, block] of this.#blocks.entries()) this.#workspace.u32[table.address / 4 + i] = block.address;
    this.#table = table;
    return table;
  }

  #forgetTable(): void {
    this.#table?.release();
    this.#table = undefined;
  }
}
