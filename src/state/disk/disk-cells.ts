import type { KeyId } from "../../core/state/key-identity.ts";
import type { KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import type { StateKey } from "../../core/state/state-key.ts";
import { KeyCells } from "../memory/key-cells.ts";
import type { Cell, KeyEntry } from "../memory/key-entry.ts";
import type { Registered } from "../memory/state-tables.ts";
import { ByteSink } from "./bytes.ts";
import { DiskEntry } from "./disk-entry.ts";
import { MOST_RECORD_BYTES, recordTooLarge } from "./disk-errors.ts";
import { EntryCache } from "./entry-cache.ts";
import type { Neighbours, PageStore } from "./page-store.ts";
import { hashBytes, RecordView } from "./pages.ts";
import { RecordCodec } from "./record-codec.ts";
import type { BudgetMember, StateBudget } from "./state-budget.ts";

/** What records were encoded in is not kept where it has become larger. */
const LARGE_SINK_BYTES = 1 << 22;

class EncodedRecord extends RecordView {
  page = 0;
  neighbours: Neighbours | undefined;
}

/**
 * The cells of all keys, on disk: a cache of entries over pages of records, which is written back when it has to give way.
 * The entry of the key at hand stays, and so does one that a walk over all keys is at.
 */
export class DiskCells extends KeyCells implements BudgetMember {
  readonly codec: RecordCodec;
  readonly #store: PageStore;
  readonly #budget: StateBudget;
  readonly #step: string;
  readonly #cache = new EntryCache();
  /** Entries that walks over all keys are at and that are not in the cache. */
  readonly #visited = new Map<KeyId, DiskEntry>();
  readonly #key = new ByteSink();
  #records = new ByteSink();
  readonly #views: EncodedRecord[] = [];
  #entry: DiskEntry | undefined;
  /** `#entry` is what there is of the key at hand. */
  #isLookedUp = false;
  #isTouched = false;
  /** The key that was looked for last and has nothing. */
  #missing: { readonly id: KeyId; readonly hash: number; readonly neighbours: Neighbours | undefined } | undefined;
  #count = 0;
  /** Snapshots that were taken, and one. */
  epoch = 1;
  /** Entries that have changed in this epoch. */
  changedKeys = 0;
  /** Of keys that are gone no snapshot needs to hear that changed up to this epoch. */
  forgottenEpoch = Number.POSITIVE_INFINITY;

  constructor(options: KeyedStateOptions, store: PageStore, budget: StateBudget, step: string) {
    super();
    this.codec = new RecordCodec(options);
    this.#store = store;
    this.#budget = budget;
    this.#step = step;
    budget.join(this);
  }

  get count(): number {
    return this.#count;
  }

  get memoryBytes(): number {
    return this.heldBytes;
  }

  get heldBytes(): number {
    return this.#cache.heapBytes + this.#store.memoryBytes + this.#records.bytes.length;
  }

  addState(registered: Registered): void {
    this.codec.addState(registered);
  }

  setKey(key: StateKey | undefined): void {
    if (this.#isTouched) this.#measure();
    this.atHand = key;
    this.#entry = undefined;
    this.#isLookedUp = false;
  }

  get(index: number): Cell {
    if (!this.#isLookedUp) this.#lookUp();
    return this.#entry?.get(index);
  }

  set(index: number, cell: Cell): void {
    if (!this.#isLookedUp) this.#lookUp();
    if (this.#entry === undefined) {
      if (cell === undefined) return;
      const { keyGroup, id, values } = this.key;
      this.#entry = this.#create(keyGroup, id, values);
    }
    this.setIn(this.#entry, index, cell);
    this.#isTouched = true;
  }

  touch(): void {
    if (this.#entry === undefined) return;
    this.touchIn(this.#entry);
    this.#isTouched = true;
  }

  find(keyGroup: number, id: KeyId, values: readonly unknown[] | undefined): DiskEntry | undefined {
    const entry = this.#held(id) ?? this.#load(keyGroup, id, values ?? [id]);
    return entry !== undefined && entry.used > 0 ? entry : undefined;
  }

  add(keyGroup: number, id: KeyId, values: readonly unknown[] | undefined): DiskEntry {
    return this.#held(id) ?? this.#create(keyGroup, id, values ?? [id]);
  }

  setIn(entry: KeyEntry, index: number, cell: Cell): void {
    if (cell === undefined && entry.get(index) === undefined) return;
    const wasUsed = entry.used > 0;
    entry.set(index, cell);
    const isUsed = entry.used > 0;
    if (wasUsed !== isUsed) this.#count += isUsed ? 1 : -1;
    this.touchIn(entry);
  }

  touchIn(given: KeyEntry): void {
    const entry = given as DiskEntry;
    if (!entry.isDirty) {
      entry.isDirty = true;
      // What is changed is written back from the cache alone.
      if (this.#visited.size > 0 && !this.#cache.has(entry.id)) this.#admit(entry);
    }
    if (entry.stamp === this.epoch) return;
    entry.stamp = this.epoch;
    this.changedKeys++;
  }

  *entries(): Generator<DiskEntry, void, void> {
    const store = this.#store;
    // Keys that were never written are here alone.
    for (const entry of this.#cache.all()) if (this.#cache.has(entry.id)) yield* this.#visit(entry);
    for (let page = 0; page < store.pageCount; page++) {
      const keys: DiskEntry[] = [];
      store.visit(page, (record) => keys.push(this.codec.readKey(record)));
      for (const key of keys) if (!this.#cache.has(key.id)) yield* this.#visit(key);
    }
  }

  *present(): Generator<DiskEntry, void, void> {
    this.writeBack(this.#cache.all());
    const pages = this.#store.pin();
    try {
      for (let page = 0; page < pages.pageCount; page++) {
        const keys: DiskEntry[] = [];
        pages.visit(page, (record) => keys.push(this.codec.readKey(record)));
        for (const key of keys) yield* this.#visit(key);
      }
    } finally {
      pages.release();
    }
  }

  /** All entries that a page has not as they are. */
  dirty(): DiskEntry[] {
    return this.#cache.all().filter(({ isDirty }) => isDirty);
  }

  giveWay(): boolean {
    const cache = this.#cache;
    const isInUse = (entry: DiskEntry) => entry === this.#entry || this.#visited.has(entry.id);
    while (cache.size > 1 + this.#visited.size) {
      const leaving = cache.takeOldest(isInUse);
      if (leaving.length === 0) continue;
      this.writeBack(leaving);
      return true;
    }
    return false;
  }

  /** Writes those that are dirty to their pages. */
  writeBack(entries: readonly DiskEntry[]): void {
    const records = this.encode(
      entries.filter(({ isDirty, isStored, used }) => isDirty && (isStored || used > 0)),
      this.#records,
    );
    const store = this.#store;
    for (const record of records) record.page = store.pageOf(record.hash);
    records.sort((a, b) => a.page - b.page);
    const keeps = ({ cellsAt, end, stamp }: RecordView) => end > cellsAt || stamp > this.forgottenEpoch;
    for (let from = 0; from < records.length; ) {
      const { page } = records[from];
      let to = from + 1;
      while (to < records.length && records[to].page === page) to++;
      store.replace(page, records, from, to, keeps, to === from + 1 ? records[from].neighbours : undefined);
      from = to;
    }
    for (const entry of entries) {
      if (!entry.isDirty) continue;
      entry.isDirty = false;
      entry.isStored = true;
      entry.neighbours = undefined;
    }
    store.settle(this.#records.at);
    if (this.#records.bytes.length > LARGE_SINK_BYTES) this.#records = new ByteSink();
  }

  /** Their records, one behind the other in `sink`; valid until the next call. */
  encode(entries: readonly DiskEntry[], sink: ByteSink): EncodedRecord[] {
    sink.at = 0;
    const views: EncodedRecord[] = [];
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      this.#views[i] ??= new EncodedRecord();
      const view = this.#views[i];
      view.hash = entry.hash;
      view.neighbours = entry.neighbours;
      view.keyAt = sink.at;
      this.codec.writeKey(sink, entry.keyGroup, entry.values);
      view.cellsAt = sink.at;
      // What is left out is a change: else what builds on a checkpoint would have it again.
      if (entry.used > 0 && this.codec.writeCells(sink, entry)) entry.stamp = this.epoch;
      if (entry.used > 0 && sink.at === view.cellsAt) this.#empty(entry);
      view.stamp = entry.stamp;
      view.end = sink.at;
      if (view.end - view.keyAt > MOST_RECORD_BYTES) throw recordTooLarge(this.#step, view.end - view.keyAt);
      views.push(view);
    }
    for (const view of views) view.bytes = sink.bytes;
    return views;
  }

  close(): void {
    this.#budget.leave(this);
    this.#cache.clear();
    this.#visited.clear();
    this.#entry = undefined;
    this.#count = 0;
    this.#store.close();
  }

  /** All that it had has expired. */
  #empty(entry: DiskEntry): void {
    for (let index = 0; entry.used > 0; index++) entry.set(index, undefined);
    this.#count--;
  }

  #lookUp(): void {
    const { keyGroup, id, values } = this.key;
    this.#entry = this.#held(id) ?? this.#load(keyGroup, id, values);
    this.#isLookedUp = true;
  }

  #held(id: KeyId): DiskEntry | undefined {
    return this.#cache.get(id) ?? (this.#visited.size === 0 ? undefined : this.#visited.get(id));
  }

  /** From its page to the cache. */
  #load(keyGroup: number, id: KeyId, values: readonly unknown[]): DiskEntry | undefined {
    const entry = this.#read(keyGroup, id, values);
    if (entry !== undefined) this.#admit(entry);
    return entry;
  }

  #read(keyGroup: number, id: KeyId, values: readonly unknown[]): DiskEntry | undefined {
    const hash = this.#hashOf(keyGroup, values);
    const record = this.#store.find(hash, this.#key.bytes, this.#key.at);
    const neighbours = this.#store.neighbours(record);
    if (record === undefined) {
      this.#missing = { id, hash, neighbours };
      return undefined;
    }
    const entry = new DiskEntry(keyGroup, id, values, hash, record.stamp);
    entry.neighbours = neighbours;
    this.codec.readCells(record, entry);
    return entry;
  }

  #create(keyGroup: number, id: KeyId, values: readonly unknown[]): DiskEntry {
    const missing = this.#missing;
    const isThat = missing !== undefined && Object.is(missing.id, id);
    const entry = new DiskEntry(keyGroup, id, values, isThat ? missing.hash : this.#hashOf(keyGroup, values));
    entry.neighbours = isThat ? missing.neighbours : undefined;
    this.#missing = undefined;
    this.#admit(entry);
    return entry;
  }

  /** Others make room before it comes, so that it stays itself. */
  #admit(entry: DiskEntry): void {
    entry.heapBytes = this.codec.heapBytes(entry);
    this.#budget.makeRoom();
    this.#cache.add(entry);
  }

  #hashOf(keyGroup: number, values: readonly unknown[]): number {
    const sink = this.#key;
    sink.at = 0;
    this.codec.writeKey(sink, keyGroup, values);
    return hashBytes(sink.bytes, 0, sink.at);
  }

  /** What the entry of the key at hand takes, now that another key comes. */
  #measure(): void {
    this.#isTouched = false;
    const entry = this.#entry;
    if (entry !== undefined && this.#cache.has(entry.id)) this.#cache.resize(entry, this.codec.heapBytes(entry));
  }

  /** Gives what there is of a key now, which does not come to the cache unless it is changed meanwhile. */
  *#visit({ keyGroup, id, values }: DiskEntry): Generator<DiskEntry, void, void> {
    const held = this.#held(id);
    const entry = held ?? this.#read(keyGroup, id, values);
    if (entry === undefined || entry.used === 0) return;
    const isFirst = !this.#visited.has(id);
    this.#visited.set(id, entry);
    try {
      yield entry;
    } finally {
      if (isFirst) this.#visited.delete(id);
    }
  }
}
