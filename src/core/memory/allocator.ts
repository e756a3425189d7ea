import { assert, InternalError } from "../errors.ts";
import { type GrowableMemory, PAGE_BYTES, PageAllocator } from "./page-allocator.ts";

/** A byte offset in a linear memory; 0 stands for "no buffer". */
export type Address = number;

/** Blocks above this size are runs of pages; smaller ones share spans of one size class. */
const LARGEST_SMALL_BYTES = 256 * 1024;
const SMALLEST_BYTES = 64;

/** A run of pages cut into equal blocks. */
interface Span {
  readonly firstPage: number;
  readonly pageCount: number;
  readonly blockBytes: number;
  readonly classIndex: number;
  /** Blocks that were handed out and came back. */
  readonly free: Address[];
  readonly blockCount: number;
  /** Blocks that were ever handed out: those behind are free, and need no list. */
  used: number;
}

const freeCount = ({ free, blockCount, used }: Span): number => free.length + blockCount - used;

/**
 * Allocates 64-byte aligned blocks of one thread's linear memory.
 * Small blocks come from size classes four to a doubling (waste at most a quarter), each class cutting spans of pages;
 * a span that is free again returns its pages, so a shift of sizes does not strand memory.
 * Contents of a new block are unspecified. Reading up to 64 bytes past any block is safe, writing is not.
 */
export class Allocator {
  readonly #pages: PageAllocator;
  readonly #openSpans: Span[][] = [];
  readonly #spanByPage = new Map<number, Span>();
  readonly #largePages = new Map<Address, number>();
  #liveBytes = 0;
  #liveBlocks = 0;
  #peakBytes = 0;

  constructor(memory: GrowableMemory, heapStart: Address, maximumPages: number) {
    this.#pages = new PageAllocator(memory, Math.ceil(heapStart / PAGE_BYTES), maximumPages);
  }

  /** Bytes of all blocks that are not freed, counted at their rounded size. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  get liveBlocks(): number {
    return this.#liveBlocks;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** What a request of `byteLength` really takes. */
  static roundedBytes(byteLength: number): number {
    return byteLength > LARGEST_SMALL_BYTES
      ? Math.ceil(byteLength / PAGE_BYTES) * PAGE_BYTES
      : classBytes(classIndexOf(byteLength));
  }

  allocate(byteLength: number): Address {
    // Messages are built only on failure: this runs for every buffer of every batch.
    if (!(byteLength >= 0 && byteLength <= Number.MAX_SAFE_INTEGER)) {
      throw new InternalError(`Broken invariant: allocation of ${byteLength} bytes.`);
    }
    const address =
      byteLength > LARGEST_SMALL_BYTES ? this.#allocateLarge(byteLength) : this.#allocateSmall(byteLength);
    this.#liveBlocks++;
    this.#liveBytes += Allocator.roundedBytes(byteLength);
    if (this.#liveBytes > this.#peakBytes) this.#peakBytes = this.#liveBytes;
    return address;
  }

  free(address: Address): void {
    this.#liveBlocks--;
    const pages = this.#largePages.get(address);
    if (pages !== undefined) {
      this.#largePages.delete(address);
      this.#liveBytes -= pages * PAGE_BYTES;
      this.#pages.release(address / PAGE_BYTES, pages);
      return;
    }
    const span = this.#spanByPage.get(Math.floor(address / PAGE_BYTES));
    if (span === undefined) throw new InternalError(`Broken invariant: free of ${address}, which is not allocated.`);
    this.#liveBytes -= span.blockBytes;
    const open = this.#openSpans[span.classIndex];
    if (freeCount(span) === 0) open.push(span);
    span.free.push(address);
    // One empty span per class stays as a buffer against a flapping allocation.
    if (freeCount(span) === span.blockCount && open.length > 1) this.#closeSpan(span, open);
  }

  #allocateLarge(byteLength: number): Address {
    const count = Math.ceil(byteLength / PAGE_BYTES);
    const address = this.#pages.allocate(count) * PAGE_BYTES;
    this.#largePages.set(address, count);
    return address;
  }

  #allocateSmall(byteLength: number): Address {
    const classIndex = classIndexOf(byteLength);
    this.#openSpans[classIndex] ??= [];
    const open = this.#openSpans[classIndex];
    let span = open[open.length - 1];
    if (span === undefined) {
      span = this.#openSpan(classIndex);
      open.push(span);
    }
    assert(freeCount(span) > 0, "an open span has a free block");
    const address = span.free.pop() ?? span.firstPage * PAGE_BYTES + span.used++ * span.blockBytes;
    if (freeCount(span) === 0) open.pop();
    return address;
  }

  #openSpan(classIndex: number): Span {
    const blockBytes = classBytes(classIndex);
    const pageCount = Math.ceil((blockBytes * 4) / PAGE_BYTES);
    const blockCount = Math.floor((pageCount * PAGE_BYTES) / blockBytes);
    const firstPage = this.#pages.allocate(pageCount);
    const span: Span = { firstPage, pageCount, blockBytes, classIndex, free: [], blockCount, used: 0 };
    for (let page = 0; page < pageCount; page++) this.#spanByPage.set(firstPage + page, span);
    return span;
  }

  #closeSpan(span: Span, open: Span[]): void {
    open.splice(open.indexOf(span), 1);
    for (let page = 0; page < span.pageCount; page++) this.#spanByPage.delete(span.firstPage + page);
    this.#pages.release(span.firstPage, span.pageCount);
  }
}

/** Class sizes: 64, 80, 96, 112, 128, 160, 192, 224, 256, ... rounded up to multiples of 64. */
function classIndexOf(byteLength: number): number {
  if (byteLength <= SMALLEST_BYTES) return 0;
  const doubling = 31 - Math.clz32(byteLength - 1);
  const quarter = ((byteLength - 1) >>> (doubling - 2)) & 3;
  return (doubling - 6) * 4 + quarter + 1;
}

function classBytes(classIndex: number): number {
  if (classIndex === 0) return SMALLEST_BYTES;
  const doubling = ((classIndex - 1) >>> 2) + 6;
  const quarter = (classIndex - 1) & 3;
  return Math.ceil(((1 << doubling) + ((quarter + 1) << (doubling - 2))) / 64) * 64;
}
