import { GroupArray } from "../aggregates/group-array.ts";
import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import type { KeyTimes } from "./key-times.ts";

/** Rows up to one that finds its key expired, with the place of each, u32; the caller's. */
export interface PlacedRows {
  readonly end: number;
  readonly places: Block;
}

/**
 * Where accumulators of keys that expire are. Accumulators cannot forget one key, so a key that begins anew gets a new
 * place, and the one before is dead until all that lives is moved to a new state.
 */
export class GroupPlaces {
  readonly times: KeyTimes;
  /** Places so far, dead ones too. */
  count = 0;
  readonly #workspace: Workspace;
  /** By group its place, and by place its group. */
  readonly #places: GroupArray;
  readonly #owners: GroupArray;
  /** By place how many rows are there, as `changelogPresent` counts them; only where rows are taken back. */
  readonly #rows: GroupArray | undefined;

  constructor(workspace: Workspace, times: KeyTimes, takesBack: boolean) {
    this.times = times;
    this.#workspace = workspace;
    this.#places = new GroupArray(workspace, 4);
    this.#owners = new GroupArray(workspace, 4);
    this.#rows = takesBack ? new GroupArray(workspace, 8) : undefined;
  }

  get memoryBytes(): number {
    const own = this.#places.byteLength + this.#owners.byteLength + (this.#rows?.byteLength ?? 0);
    return own + this.times.memoryBytes;
  }

  /** Renews the keys of rows from `from` on; groups u32 per row of the batch, all below `groupCount`. */
  renew(groups: Address, groupCount: number, batch: Batch, from: number): PlacedRows {
    this.times.ensure(groupCount);
    const { end, expired, count } = this.times.renew(groups, batch, from);
    this.#begin(expired.address, count, groupCount);
    expired.release();
    return { end, places: this.#gather(this.#places, groups + from * 4, end - from) };
  }

  /** Takes keys in that were saved with their times; those from `known` on are new. The caller owns the places. */
  restore(groups: Address, known: number, groupCount: number, count: number, times: Column | undefined): Block {
    this.times.ensure(groupCount);
    this.times.restore(groups, count, times);
    const fresh = this.#workspace.allocate((groupCount - known) * 4);
    this.#workspace.kernels.groupSequence(known, groupCount - known, fresh.address);
    this.#begin(fresh.address, groupCount - known, groupCount);
    fresh.release();
    return this.#gather(this.#places, groups, count);
  }

  /** The groups of places, u32[count]; the caller owns the block. */
  ownersOf(places: Address, count: number): Block {
    return this.#gather(this.#owners, places, count);
  }

  /**
   * Rows that do not take back what is not there, u32 each, to `rows`: `count` of the first `seen`. The row behind those
   * is added to a place that had rows and has none any more: `restart` its group, and go on with it.
   */
  present(places: Address, batch: Batch, rows: Address): { readonly count: number; readonly seen: number } {
    const workspace = this.#workspace;
    const counts = this.#rows?.ensure(this.count) ?? 0;
    const kinds = batch.rowKinds?.data ?? 0;
    const seen = workspace.allocate(4);
    const count = workspace.kernels.changelogPresent(places, kinds, batch.rowCount, counts, rows, seen.address);
    const seenRows = workspace.u32[seen.address >>> 2];
    seen.release();
    return { count, seen: seenRows };
  }

  /** Keys of groups u32[length] whose rows are all taken back begin anew. */
  forgetEmpty(groups: Address, length: number): void {
    const places = this.#places.address;
    if (this.#rows === undefined) return;
    const { stride } = this.#rows;
    const address = this.#rows.ensure(this.count);
    this.times.forgetEmpty(groups, length, { address, stride, isWide: true, places });
  }

  /** A new place for the group (u32) at an address. */
  restart(group: Address, groupCount: number): void {
    this.#begin(group, 1, groupCount);
  }

  get takesBack(): boolean {
    return this.#rows !== undefined;
  }

  /** Places that were restored have so many rows, int64. */
  restoreRows(places: Address, rows: Column): void {
    if (this.#rows === undefined) return;
    this.#workspace.kernels.changelogWeigh(places, rows.length, rows.data, this.#rows.ensure(this.count));
  }

  /** Places of [from, from + size) that are there, of which `counts` says how many rows they have. */
  living(from: number, size: number, counts: Address, rows: Address): number {
    return this.times.livingPlaces(this.#places.address, this.#owners.address, from, size, counts, rows);
  }

  release(): void {
    for (const owned of [this.#places, this.#owners, this.#rows, this.times]) owned?.release();
  }

  #begin(groups: Address, count: number, groupCount: number): void {
    const places = this.#places.ensure(groupCount);
    const owners = this.#owners.ensure(this.count + count);
    this.#workspace.kernels.keyTimesPlace(groups, count, this.count, places, owners);
    this.count += count;
  }

  #gather(from: GroupArray, indices: Address, count: number): Block {
    const out = this.#workspace.allocate(count * 4);
    this.#workspace.kernels.gather32(from.address, indices, count, out.address);
    return out;
  }
}
