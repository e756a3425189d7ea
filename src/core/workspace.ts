import type { instantiate } from "../../build/kernels.js";
import { type Address, Allocator } from "./memory/allocator.ts";
import { Block } from "./memory/block.ts";
import { MemoryGovernor } from "./memory/governor.ts";
import { KeptBlocks } from "./memory/kept-blocks.ts";
import { PAGE_BYTES } from "./memory/page-allocator.ts";

/**
 * The exports of build/kernels.wasm; addresses and lengths are numbers, i64 values are bigint.
 * @internal The types of kernels and WebAssembly stay out of the package's, since neither TypeScript's library for Node
 * nor the package has them.
 */
export type Kernels = Awaited<ReturnType<typeof instantiate>>;

const MAXIMUM_PAGES = 65_536;
const INITIAL_PAGES = 64;
/** Of 4 GiB; the rest is room for holes between blocks and for what nobody reserves. */
const ADDRESSABLE_BYTES = 3.5 * 2 ** 30;

/**
 * One thread's linear memory with its allocator and kernels.
 * Whole-memory views (`u8`, `i32`, ...) are replaced when the memory grows: read them from the workspace at each use,
 * and never keep one across an allocation.
 */
export class Workspace {
  /** @internal */
  readonly memory: WebAssembly.Memory;
  /** @internal */
  readonly kernels: Kernels;
  readonly allocator: Allocator;
  governor: MemoryGovernor;
  readonly #checksumTable: Address;
  /** What lies here between jobs: persisted tables. */
  readonly kept = new KeptBlocks();
  u8!: Uint8Array;
  i8!: Int8Array;
  u16!: Uint16Array;
  i16!: Int16Array;
  u32!: Uint32Array;
  i32!: Int32Array;
  f32!: Float32Array;
  f64!: Float64Array;
  i64!: BigInt64Array;
  u64!: BigUint64Array;

  /** @internal From a workspace that nobody uses any more: its memory, with nothing in it. */
  constructor(from: WebAssembly.Module | Workspace, limitBytes: number = Number.POSITIVE_INFINITY) {
    if (from instanceof Workspace) {
      this.memory = from.memory;
      this.kernels = from.kernels;
    } else {
      this.memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAXIMUM_PAGES, shared: true });
      const instance = new WebAssembly.Instance(from, { env: { memory: this.memory } });
      this.kernels = instance.exports as unknown as Kernels;
    }
    this.#checksumTable = Math.ceil((this.kernels.heapBase() >>> 0) / 16) * 16;
    this.allocator = new Allocator(
      {
        pageCount: () => this.memory.buffer.byteLength / PAGE_BYTES,
        grow: (pages) => this.#grow(pages),
      },
      this.#checksumTable + this.kernels.crc32cTableBytes(),
      MAXIMUM_PAGES,
    );
    this.governor = new MemoryGovernor(this.allocator, limitBytes);
    this.#refreshViews();
  }

  /**
   * Sets the memory budget of this thread for the job that starts. What is kept here counts against it, but never for
   * more than half of it, so that the job can work; and no budget passes what is left of the address space.
   * `sharers` is the number of threads that have as much, together the job's budget.
   */
  setLimit(limitBytes: number, sharers = 1): void {
    const { liveBytes } = this.allocator;
    const kept = this.kept.byteLength;
    const share = Math.max(limitBytes - kept, limitBytes / 2);
    const room = Math.max(0, ADDRESSABLE_BYTES - liveBytes);
    const budgetFor = (usedBytes: number) =>
      usedBytes > room ? undefined : Math.min(usedBytes + kept, 2 * usedBytes) * sharers;
    this.governor = new MemoryGovernor(this.allocator, Math.floor(Math.min(share, room)), liveBytes, budgetFor);
  }

  /** The table of the kernel `crc32c`. It has a place in front of all blocks, and is filled when it is first asked for. */
  get checksumTable(): Address {
    const table = this.#checksumTable;
    // A table that is filled has no zeros but the first.
    if (this.u32[(table >>> 2) + 1] === 0) this.kernels.crc32cTable(table);
    return table;
  }

  /** A new block with one reference, which the caller owns; its bytes are unspecified. */
  allocate(byteLength: number): Block {
    return new Block(this.allocator, byteLength);
  }

  allocateZeroed(byteLength: number): Block {
    const block = this.allocate(byteLength);
    this.kernels.fillBytes(block.address, 0, byteLength);
    return block;
  }

  /** A view of `byteLength` bytes; it stays valid for the block's life, also when the memory grows. */
  bytes(address: Address, byteLength: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, byteLength);
  }

  #grow(pages: number): boolean {
    try {
      this.memory.grow(pages);
    } catch {
      return false; // RangeError: the operating system or the maximum refuses
    }
    this.#refreshViews();
    return true;
  }

  #refreshViews(): void {
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
  }
}
