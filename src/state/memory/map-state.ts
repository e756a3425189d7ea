import { EvaluationError } from "../../core/errors.ts";
import type { MapStateDescriptor } from "../../core/state/descriptors.ts";
import type { KeyId, KeyIdentity } from "../../core/state/key-identity.ts";
import type { MapState } from "../../core/state/keyed-state.ts";
import type { StoredType } from "../../core/state/stored-value.ts";
import type { CellRow, CellState, StateParts } from "./cell-state.ts";
import type { Expiry } from "./expiry.ts";
import type { Slot } from "./key-cells.ts";
import type { Cell } from "./key-entry.ts";

interface MapEntry {
  readonly key: unknown;
  value: unknown;
  updatedAtMs: number | undefined;
}

type MapCell = Map<KeyId, MapEntry>;

export class MemoryMapState implements MapState, CellState {
  readonly descriptor: MapStateDescriptor;
  readonly expiry: Expiry | undefined;
  readonly #stored: StoredType;
  readonly #key: StoredType;
  readonly #identity: KeyIdentity;
  readonly #slot: Slot;

  constructor(
    descriptor: MapStateDescriptor,
    { slot, stored, expiry, mapKey }: StateParts & Required<Pick<StateParts, "mapKey">>,
  ) {
    this.descriptor = descriptor;
    this.#slot = slot;
    this.#stored = stored;
    this.#key = mapKey.stored;
    this.#identity = mapKey.identity;
    this.expiry = expiry;
  }

  get(key: unknown): unknown {
    const entry = this.#visible(this.#idOf(key));
    return entry === undefined ? null : this.#stored.load(entry.value);
  }

  has(key: unknown): boolean {
    return this.#visible(this.#idOf(key)) !== undefined;
  }

  set(key: unknown, value: unknown): void {
    const stored = this.#stored.store(value);
    const storedKey = this.#keyOf(key);
    const id = this.#identity([storedKey]);
    let map = this.#slot.get() as MapCell | undefined;
    if (map === undefined) {
      map = new Map();
      this.#slot.set(map);
    } else this.#slot.touch();
    const { expiry } = this;
    const nowMs = expiry?.nowMs();
    let entry = map.get(id);
    // What has expired is gone: set again it is a new entry, behind the others.
    if (entry?.updatedAtMs !== undefined && !expiry?.isVisible(entry.updatedAtMs, nowMs as number)) {
      map.delete(id);
      entry = undefined;
    }
    if (entry === undefined) map.set(id, { key: storedKey, value: stored, updatedAtMs: nowMs });
    else {
      entry.value = stored;
      if (expiry !== undefined) entry.updatedAtMs = expiry.renewed(entry.updatedAtMs, nowMs as number);
    }
  }

  delete(key: unknown): void {
    const map = this.#slot.get() as MapCell | undefined;
    if (map?.delete(this.#idOf(key)) !== true) return;
    if (map.size === 0) this.clear();
    else this.#slot.touch();
  }

  *entries(): Generator<[unknown, unknown], void, void> {
    for (const { key, value } of this.#all()) yield [this.#key.load(key), this.#stored.load(value)];
  }

  *keys(): Generator<unknown, void, void> {
    for (const { key } of this.#all()) yield this.#key.load(key);
  }

  *values(): Generator<unknown, void, void> {
    for (const { value } of this.#all()) yield this.#stored.load(value);
  }

  get isEmpty(): boolean {
    return this.#all().next().done === true;
  }

  clear(): void {
    this.#slot.set(undefined);
  }

  *rows(cell: Cell): Generator<CellRow, void, void> {
    const { expiry } = this;
    const freeableMs = expiry?.freeableMs() ?? 0;
    for (const { key, value, updatedAtMs } of (cell as MapCell).values()) {
      if (updatedAtMs !== undefined && expiry?.isFreeable(updatedAtMs, freeableMs)) continue;
      yield { mapKey: key, value, updatedAtMs };
    }
  }

  rowCount(cell: Cell): number {
    return (cell as MapCell).size;
  }

  restored(cell: Cell, value: unknown, updatedAtMs: number | undefined, mapKey: unknown): Cell {
    const map = (cell as MapCell | undefined) ?? new Map<KeyId, MapEntry>();
    map.set(this.#identity([mapKey]), { key: mapKey, value, updatedAtMs });
    return map;
  }

  plain(cell: Cell): unknown {
    return [...(cell as MapCell).values()].map(({ key, value }) => [this.#key.load(key), this.#stored.load(value)]);
  }

  *sweep(cell: Cell, drop: () => void, freed: () => void): Generator<void, void, void> {
    const map = cell as MapCell;
    const { expiry } = this;
    if (expiry === undefined) return;
    for (const [id, { updatedAtMs }] of map) {
      if (updatedAtMs !== undefined && expiry.isFreeable(updatedAtMs, expiry.freeableMs())) {
        map.delete(id);
        freed();
      }
      if (map.size === 0) drop();
      yield;
    }
  }

  #keyOf(key: unknown): unknown {
    const stored = this.#key.store(key);
    if (stored !== null) return stored === 0 ? 0 : stored;
    throw new EvaluationError(
      "STATE_MAP_KEY_NULL",
      `The map state "${this.descriptor.name}" was given null as a key.`,
      "Use another value for what has no key.",
    );
  }

  #idOf(key: unknown): KeyId {
    return this.#identity([this.#keyOf(key)]);
  }

  #visible(id: KeyId): MapEntry | undefined {
    const map = this.#slot.get() as MapCell | undefined;
    const entry = map?.get(id);
    return entry !== undefined && this.#see(entry, map) ? entry : undefined;
  }

  *#all(): Generator<MapEntry, void, void> {
    const map = this.#slot.get() as MapCell | undefined;
    if (map === undefined) return;
    for (const entry of map.values()) if (this.#see(entry, map)) yield entry;
  }

  /** Whether a function may see the entry of a map; seeing may renew it, but not once another key is at hand. */
  #see(entry: MapEntry, map: MapCell | undefined): boolean {
    const { expiry } = this;
    if (expiry === undefined || entry.updatedAtMs === undefined) return true;
    const nowMs = expiry.nowMs();
    if (!expiry.isVisible(entry.updatedAtMs, nowMs)) return false;
    if (expiry.renewsOnRead && this.#slot.get() === map) {
      entry.updatedAtMs = expiry.renewed(entry.updatedAtMs, nowMs);
      this.#slot.touch();
    }
    return true;
  }
}
