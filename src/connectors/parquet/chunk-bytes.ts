import type { ReadableFile } from "../../core/host.ts";
import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";

/** Neighbouring chunks are read together up to this size; gaps up to the other are read along. */
const COALESCED_BYTES = 16 * 1024 * 1024;
const GAP_BYTES = 64 * 1024;
/** What a window onto a larger chunk reads at once: in full scans, and where only some pages are wanted. */
const WINDOW_BYTES = 2 * 1024 * 1024;
const SPARSE_WINDOW_BYTES = 64 * 1024;

/** A byte range of a file. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Bytes of one column chunk in linear memory. A small chunk lies in a block that it shares with its neighbours, read by
 * one call when the first of them is touched; of a large one, a window moves over it.
 */
export class ChunkBytes {
  readonly range: FileRange;
  readonly #workspace: Workspace;
  readonly #file: ReadableFile;
  readonly #shared: SharedRead | undefined;
  readonly #windowBytes: number;
  #block: Block | undefined;
  #blockStart = 0;
  #blockEnd = 0;

  constructor(workspace: Workspace, file: ReadableFile, range: FileRange, shared?: SharedRead, windowBytes?: number) {
    this.#workspace = workspace;
    this.#file = file;
    this.range = range;
    this.#shared = shared;
    this.#windowBytes = windowBytes ?? WINDOW_BYTES;
    shared?.addUser();
  }

  /** Makes file bytes [position, position + length) resident; the address holds until the next call or `release`. */
  at(position: number, length: number): Address {
    if (this.#block === undefined || position < this.#blockStart || position + length > this.#blockEnd) {
      this.#load(position, length);
    }
    return (this.#block as Block).address + (position - this.#blockStart);
  }

  /** Bytes that are resident from `position` on. */
  residentFrom(position: number): number {
    if (this.#block === undefined || position < this.#blockStart) return 0;
    return Math.max(0, Math.min(this.#blockEnd, this.range.end) - position);
  }

  #load(position: number, length: number): void {
    if (this.#shared !== undefined) {
      this.#block = this.#shared.read();
      this.#blockStart = this.#shared.range.start;
      this.#blockEnd = this.#shared.range.end;
      return;
    }
    const wanted = Math.min(Math.max(length, this.#windowBytes), Math.max(length, this.range.end - position));
    if (this.#block === undefined || this.#block.byteLength < wanted) {
      this.#block?.release();
      this.#block = undefined;
      this.#workspace.governor.reserve(wanted, "Reading a Parquet file", { required: true });
      this.#block = this.#workspace.allocate(wanted);
    }
    this.#file.readInto(this.#workspace.bytes(this.#block.address, wanted), position);
    this.#blockStart = position;
    this.#blockEnd = position + wanted;
  }

  release(): void {
    if (this.#shared !== undefined) this.#shared.removeUser();
    else this.#block?.release();
    this.#block = undefined;
  }
}

/** One read that serves several chunks; its memory is freed when the last of them is released. */
export class SharedRead {
  readonly range: FileRange;
  readonly #workspace: Workspace;
  readonly #file: ReadableFile;
  #users = 0;
  #block: Block | undefined;

  constructor(workspace: Workspace, file: ReadableFile, range: FileRange) {
    this.#workspace = workspace;
    this.#file = file;
    this.range = range;
  }

  read(): Block {
    if (this.#block === undefined) {
      const length = this.range.end - this.range.start;
      this.#workspace.governor.reserve(length, "Reading a Parquet file", { required: true });
      const block = this.#workspace.allocate(length);
      this.#block = block;
      this.#file.readInto(this.#workspace.bytes(block.address, length), this.range.start);
    }
    return this.#block;
  }

  addUser(): void {
    this.#users++;
  }

  removeUser(): void {
    if (--this.#users > 0) return;
    this.#block?.release();
    this.#block = undefined;
  }
}

/** Plans the reads of the given chunks: neighbours share one, large chunks get a window each. In the order given. */
export function planReads(workspace: Workspace, file: ReadableFile, ranges: readonly FileRange[]): ChunkBytes[] {
  const order = ranges.map((_, index) => index).sort((a, b) => ranges[a].start - ranges[b].start);
  const result: ChunkBytes[] = new Array(ranges.length);
  let members: number[] = [];
  let start = 0;
  let end = 0;
  const flush = (): void => {
    const shared = new SharedRead(workspace, file, { start, end });
    for (const index of members) result[index] = new ChunkBytes(workspace, file, ranges[index], shared);
    members = [];
  };
  for (const index of order) {
    const range = ranges[index];
    if (range.end - range.start > COALESCED_BYTES) {
      result[index] = new ChunkBytes(workspace, file, range);
      continue;
    }
    const joins =
      members.length > 0 && range.start - end <= GAP_BYTES && Math.max(end, range.end) - start <= COALESCED_BYTES;
    if (!joins && members.length > 0) flush();
    if (members.length === 0) {
      start = range.start;
      end = range.end;
    }
    members.push(index);
    end = Math.max(end, range.end);
  }
  if (members.length > 0) flush();
  return result;
}

/** A small window onto each chunk, for reading a few pages of each. In the order given. */
export const windows = (workspace: Workspace, file: ReadableFile, ranges: readonly FileRange[]): ChunkBytes[] =>
  ranges.map((range) => new ChunkBytes(workspace, file, range, undefined, SPARSE_WINDOW_BYTES));
