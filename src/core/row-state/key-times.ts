import { GroupArray } from "../aggregates/group-array.ts";
import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { columnOf } from "../columns/allocate.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { OperatorContext } from "../operator.ts";
import { Schema } from "../schema.ts";
import type { StateTtl } from "../state/descriptors.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { START_OF_TIME_MS } from "../time/time.ts";
import { int64 } from "../types.ts";
import { eventTimesOf, restoreWatermark, snapshotWatermark } from "./stream-rows.ts";

/** How long a key lives behind its last row. */
export type KeyTtl = Pick<StateTtl, "ttlMs" | "timeDomain">;

/** What a snapshot has beside each row: when its key was renewed. */
export const KEY_TIME_FIELDS = Schema.of({ keyTimeMs: int64 });

/** The least int64: a key that was never seen. */
const NEVER = -(2 ** 63);

/** A key that had rows, at times that nobody knows in event time: its next row renews it. */
const KEPT = 2 ** 62;

/** Rows up to one that finds its key expired. */
export interface RenewedKeys {
  /** The row behind the last one. */
  readonly end: number;
  /** The groups u32[count] that had expired when their first row came; the caller's. */
  readonly expired: Block;
  readonly count: number;
}

/** How many rows there are of each group, or of its place. */
export interface RowCounts {
  readonly address: Address;
  /** Bytes from one to the next. */
  readonly stride: number;
  /** int64 instead of uint32. */
  readonly isWide: boolean;
  /** u32 per group. */
  readonly places?: Address;
}

/**
 * When the keys of an operator had their last row, by group, and which of them have expired; see kernels/key-times.ts.
 * In event time a key is looked at from the time of the row at hand, as with `StateTtl`, so that what a row finds does
 * not depend on how often watermarks come.
 */
export class KeyTimes {
  readonly #context: OperatorContext;
  readonly #ttlMs: number;
  readonly #isEventTime: boolean;
  readonly #name: string;
  readonly #times: GroupArray;
  readonly #flags: GroupArray;
  #groupCount = 0;
  #watermarkMs = START_OF_TIME_MS;
  #clockMs = START_OF_TIME_MS;
  #isTimeRequested = false;

  /** `name` begins the error of an operator whose rows have no event time. */
  constructor(context: OperatorContext, { ttlMs, timeDomain }: KeyTtl, name: string) {
    this.#context = context;
    this.#ttlMs = ttlMs;
    this.#isEventTime = timeDomain === "event";
    this.#name = name;
    this.#times = new GroupArray(context.workspace, 8);
    this.#flags = new GroupArray(context.workspace, 1);
  }

  get memoryBytes(): number {
    return this.#times.byteLength + this.#flags.byteLength;
  }

  /** The watermark goes on. */
  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
  }

  /** Groups u32 of the rows of a batch are known from now on, all below `groupCount`. */
  ensure(groupCount: number): void {
    const times = this.#times.ensure(groupCount);
    const { kernels } = this.#context.workspace;
    const fresh = groupCount - this.#groupCount;
    if (fresh > 0) kernels.eventTimeFill(NEVER, fresh, times + this.#groupCount * 8);
    this.#groupCount = Math.max(this.#groupCount, groupCount);
  }

  /** Renews the keys of rows from `from` on, up to one whose key has expired though it had an earlier one of them. */
  renew(groups: Address, batch: Batch, from: number): RenewedKeys {
    const { workspace } = this.#context;
    const { rowCount } = batch;
    const expired = workspace.allocate((rowCount - from) * 4);
    const sizes = workspace.allocate(8);
    workspace.kernels.keyTimesRenew(
      groups,
      this.#rowTimes(batch),
      batch.rowKinds?.data ?? 0,
      this.#nowMs,
      this.#ttlMs,
      from,
      rowCount,
      this.#times.address,
      this.#flags.ensure(this.#groupCount),
      expired.address,
      sizes.address,
    );
    const [end, count] = workspace.u32.subarray(sizes.address / 4);
    sizes.release();
    return { end, expired, count };
  }

  /**
   * The keys of groups u32[length] that have no row begin anew, as they do behind a snapshot, which has nothing of them.
   * `counts` as in `keyTimesForget`.
   */
  forgetEmpty(groups: Address, length: number, { address, stride, isWide, places }: RowCounts): void {
    this.#context.workspace.kernels.keyTimesForget(
      groups,
      length,
      address,
      stride,
      isWide,
      places ?? 0,
      this.#times.address,
    );
  }

  /** The rows whose key was not seen or has expired, u32 each, to `rows`; they alone renew it. Returns how many. */
  firstRows(groups: Address, batch: Batch, rows: Address): number {
    const { kernels } = this.#context.workspace;
    const times = this.#times.address;
    return kernels.keyTimesFirst(groups, this.#rowTimes(batch), this.#nowMs, this.#ttlMs, batch.rowCount, times, rows);
  }

  /** The groups of [from, from + count) that are there, or that no further row will find; u32 each, to `out`. */
  select(from: number, count: number, isLiving: boolean, out: Address): number {
    const { kernels } = this.#context.workspace;
    return kernels.keyTimesSelect(this.#times.address, this.#boundMs, from, count, isLiving, out);
  }

  /**
   * The places from + row of [from, from + count) that belong to keys which are there and have rows, by i64 counts; see
   * `keyTimesLiving`. u32 each, to `rows`.
   */
  livingPlaces(places: Address, owners: Address, from: number, count: number, counts: Address, rows: Address): number {
    const { kernels } = this.#context.workspace;
    return kernels.keyTimesLiving(this.#times.address, this.#boundMs, places, owners, from, count, counts, rows);
  }

  /** When the groups u32[count] were renewed; the caller owns the column. */
  of(groups: Address, count: number): Column {
    const { workspace } = this.#context;
    const data = workspace.allocate(count * 8);
    workspace.kernels.gather64(this.#times.address, groups, count, data.address);
    return columnOf(workspace, int64, count, { data });
  }

  /**
   * Renews groups u32[count] as a snapshot says. A job that had no time to live then has kept its keys till now, by the
   * clock; in event time, till their next rows.
   */
  restore(groups: Address, count: number, times: Column | undefined): void {
    const { workspace } = this.#context;
    const { kernels } = workspace;
    if (times !== undefined) {
      kernels.keyTimesPut(groups, times.data, count, this.#times.address);
      return;
    }
    const now = workspace.allocate(count * 8);
    kernels.eventTimeFill(this.#isEventTime ? KEPT : this.#nowMs, count, now.address);
    kernels.keyTimesPut(groups, now.address, count, this.#times.address);
    now.release();
  }

  snapshotTime(writer: SnapshotWriter): void {
    if (this.#isEventTime) snapshotWatermark(this.#context.workspace, writer, this.#watermarkMs);
  }

  restoreTime(reader: SnapshotReader): void {
    if (this.#isEventTime) this.#watermarkMs = restoreWatermark(this.#context.workspace, reader);
  }

  /** Asks for a call when keys may have expired, since they do so while no more rows come, too. */
  requestTime(): void {
    if (this.#isEventTime || this.#isTimeRequested || this.#groupCount === 0) return;
    this.#isTimeRequested = true;
    this.#context.stream?.requestProcessTime(this.#nowMs + this.#ttlMs);
  }

  /** The call that was asked for has come. */
  timeCame(): void {
    this.#isTimeRequested = false;
  }

  /** The same clocks for the groups of a new table. */
  renumbered(): KeyTimes {
    const ttl = { ttlMs: this.#ttlMs, timeDomain: this.#isEventTime ? "event" : "processing" } as const;
    const fresh = new KeyTimes(this.#context, ttl, this.#name);
    fresh.#watermarkMs = this.#watermarkMs;
    fresh.#clockMs = this.#clockMs;
    fresh.#isTimeRequested = this.#isTimeRequested;
    return fresh;
  }

  release(): void {
    this.#times.release();
    this.#flags.release();
  }

  #rowTimes(batch: Batch): Address {
    return this.#isEventTime ? eventTimesOf(batch, `${this.#name} with a time to live in event time`).data : 0;
  }

  get #nowMs(): number {
    if (this.#isEventTime) return this.#watermarkMs;
    // What has expired once stays expired, though the clock may jump back.
    this.#clockMs = Math.max(this.#clockMs, this.#context.stream?.processingTimeMs() ?? 0);
    return this.#clockMs;
  }

  /** Keys renewed up to this are found by no row that is still to come, but for late ones. */
  get #boundMs(): number {
    return this.#nowMs - this.#ttlMs;
  }
}
