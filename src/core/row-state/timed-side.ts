import { GroupArray } from "../aggregates/group-array.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import type { JoinKeys } from "../joins/join-keys.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../time/time.ts";
import { type DataType, int8, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { ChainIndex, type ChainKeys } from "./chain-index.ts";
import { RowStore } from "./row-store.ts";

/** A chunk takes no further batch from this size on, or from its share of all rows where that is more. */
const CHUNK_ROWS = 8192;
const CHUNK_SHARE = 1 / 8;

/** Rows that came one after the other, with an index over their keys; dropped as a whole. */
export class TimedChunk {
  readonly store: RowStore;
  readonly index: ChainIndex;
  readonly #workspace: Workspace;
  readonly #times: GroupArray;
  readonly #marks: GroupArray | undefined;
  earliestMs = END_OF_TIME_MS;
  latestMs = START_OF_TIME_MS;
  /** Rows that were given out by `expire` are the earliest: none without a mark has a time up to this. */
  expiredMs = START_OF_TIME_MS;

  constructor(workspace: Workspace, types: readonly DataType[], keys: ChainKeys, isMarked: boolean) {
    this.#workspace = workspace;
    this.store = new RowStore(workspace, types);
    this.index = new ChainIndex(workspace, keys.form);
    this.#times = new GroupArray(workspace, 8);
    if (isMarked) this.#marks = new GroupArray(workspace, 1);
  }

  get rowCount(): number {
    return this.store.rowCount;
  }

  get memoryBytes(): number {
    return this.store.memoryBytes + this.index.memoryBytes + this.#times.byteLength + (this.#marks?.byteLength ?? 0);
  }

  /** i64 per row. */
  get times(): Address {
    return this.#times.address;
  }

  /** u8 per row: 0 unmatched, 1 matched, 2 given out as unmatched; 0 where there are no marks. */
  get marks(): Address {
    return this.#marks?.address ?? 0;
  }

  /** Borrows all. `marks`: u8 per row, or 0 for none. */
  append(columns: readonly Column[], times: Address, keys: JoinKeys, marks: Address): void {
    const { length } = keys;
    const first = this.store.append(columns, length);
    this.index.insert(keys);
    const { kernels } = this.#workspace;
    kernels.copyBytes(this.#times.ensure(first + length) + first * 8, times, length * 8);
    if (this.#marks !== undefined) {
      const target = this.#marks.ensure(first + length) + first;
      if (marks !== 0) kernels.copyBytes(target, marks, length);
    }
    this.earliestMs = Math.min(this.earliestMs, kernels.eventTimeMin(times, length));
    this.latestMs = Math.max(this.latestMs, kernels.eventTimeMax(times, length));
    this.expiredMs = Math.min(this.expiredMs, this.earliestMs - 1);
  }

  /** Times of the rows u32[count]; the caller owns the column. */
  gatherTimes(rows: Address, count: number): Column {
    const data = this.#workspace.allocate(count * 8);
    this.#workspace.kernels.gather64(this.times, rows, count, data.address);
    return columnOf(this.#workspace, int64, count, { data });
  }

  /** int8 marks of the rows u32[count], 0 where there are none; the caller owns the column. */
  gatherMarks(rows: Address, count: number): Column {
    const data = this.#workspace.allocateZeroed(count);
    if (this.#marks !== undefined) this.#workspace.kernels.gather8(this.marks, rows, count, data.address);
    return columnOf(this.#workspace, int8, count, { data });
  }

  release(): void {
    this.store.release();
    this.index.release();
    this.#times.release();
    this.#marks?.release();
  }
}

/**
 * The rows of one side of a join in time, in chunks in the order of arrival. A probe looks into chunks whose times are
 * in reach, and a chunk that is out of reach is dropped as a whole: as rows come nearly in the order of time, that is
 * soon after its last row was needed. Chunks grow with the number of rows, so there are few.
 */
export class TimedSide {
  readonly keys: ChainKeys;
  readonly #workspace: Workspace;
  readonly #types: readonly DataType[];
  readonly #isMarked: boolean;
  readonly #chunkRows: number;
  #chunks: TimedChunk[] = [];

  constructor(
    workspace: Workspace,
    types: readonly DataType[],
    keys: ChainKeys,
    isMarked: boolean,
    chunkRows = CHUNK_ROWS,
  ) {
    this.#workspace = workspace;
    this.#types = types;
    this.keys = keys;
    this.#isMarked = isMarked;
    this.#chunkRows = chunkRows;
  }

  get chunks(): readonly TimedChunk[] {
    return this.#chunks;
  }

  get rowCount(): number {
    return this.#chunks.reduce((sum, { rowCount }) => sum + rowCount, 0);
  }

  get memoryBytes(): number {
    return this.#chunks.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  }

  /** Borrows all; see `TimedChunk.append`. */
  append(columns: readonly Column[], times: Address, keys: JoinKeys, marks: Address): void {
    let last = this.#chunks.at(-1);
    if (last === undefined || last.rowCount >= Math.max(this.#chunkRows, this.rowCount * CHUNK_SHARE)) {
      last = new TimedChunk(this.#workspace, this.#types, this.keys, this.#isMarked);
      this.#chunks.push(last);
    }
    last.append(columns, times, keys, marks);
  }

  /** Chunks with rows from `leastMs` to `greatestMs`. */
  inReach(leastMs: number, greatestMs: number): TimedChunk[] {
    return this.#chunks.filter(({ earliestMs, latestMs }) => earliestMs <= greatestMs && latestMs >= leastMs);
  }

  /** Rows with a time up to `boundMs` that have no mark, by chunk, up to `limit` at a time; they get one. The caller owns the block. */
  *expire(boundMs: number, limit: number): Generator<{ chunk: TimedChunk; rows: Block; count: number }, void, void> {
    for (const chunk of this.#chunks) {
      if (chunk.earliestMs > boundMs || chunk.expiredMs >= Math.min(boundMs, chunk.latestMs)) continue;
      const state = this.#workspace.allocateZeroed(4);
      try {
        while (this.#workspace.u32[state.address >>> 2] < chunk.rowCount) {
          const rows = this.#workspace.allocate(limit * 4);
          const { kernels } = this.#workspace;
          const { times, marks, rowCount } = chunk;
          const count = kernels.chainExpire(times, marks, rowCount, boundMs, limit, state.address, rows.address);
          if (count > 0) yield { chunk, rows, count };
          else rows.release();
        }
        chunk.expiredMs = boundMs;
      } finally {
        state.release();
      }
    }
  }

  /** Forgets chunks of which no row is later than `boundMs`. */
  drop(boundMs: number): void {
    const kept = this.#chunks.filter(({ latestMs }) => latestMs > boundMs);
    if (kept.length === this.#chunks.length) return;
    for (const chunk of this.#chunks) if (chunk.latestMs <= boundMs) chunk.release();
    this.#chunks = kept;
  }

  release(): void {
    for (const chunk of this.#chunks.splice(0)) chunk.release();
  }
}
