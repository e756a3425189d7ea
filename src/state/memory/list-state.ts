import type { ListStateDescriptor } from "../../core/state/descriptors.ts";
import type { ListState } from "../../core/state/keyed-state.ts";
import type { StoredType } from "../../core/state/stored-value.ts";
import type { CellRow, CellState, StateParts } from "./cell-state.ts";
import type { Expiry } from "./expiry.ts";
import type { Slot } from "./key-cells.ts";
import type { Cell } from "./key-entry.ts";

interface ListCell {
  values: unknown[];
  /** When each value was renewed last; empty without a time to live. */
  times: number[];
}

/** How many elements of a list are looked at in one step. */
const SWEEP_ELEMENTS = 64;

export class MemoryListState implements ListState, CellState {
  readonly descriptor: ListStateDescriptor;
  readonly expiry: Expiry | undefined;
  readonly #stored: StoredType;
  readonly #slot: Slot;

  constructor(descriptor: ListStateDescriptor, { slot, stored, expiry }: StateParts) {
    this.descriptor = descriptor;
    this.#slot = slot;
    this.#stored = stored;
    this.expiry = expiry;
  }

  get(): unknown[] {
    const cell = this.#slot.get() as ListCell | undefined;
    if (cell === undefined) return [];
    const { expiry } = this;
    const { load } = this.#stored;
    if (expiry === undefined) return cell.values.map(load);
    const { times } = cell;
    const nowMs = expiry.nowMs();
    const visible: unknown[] = [];
    for (let i = 0; i < times.length; i++) {
      if (!expiry.isVisible(times[i], nowMs)) continue;
      visible.push(load(cell.values[i]));
      if (expiry.renewsOnRead) times[i] = expiry.renewed(times[i], nowMs);
    }
    if (expiry.renewsOnRead) this.#slot.touch();
    return visible;
  }

  add(value: unknown): void {
    const stored = this.#stored.store(value);
    let cell = this.#slot.get() as ListCell | undefined;
    if (cell === undefined) {
      cell = { values: [], times: [] };
      this.#slot.set(cell);
    } else this.#slot.touch();
    cell.values.push(stored);
    if (this.expiry !== undefined) cell.times.push(this.expiry.nowMs());
  }

  addAll(values: Iterable<unknown>): void {
    for (const value of values) this.add(value);
  }

  set(values: Iterable<unknown>): void {
    const stored: unknown[] = [];
    for (const value of values) stored.push(this.#stored.store(value));
    if (stored.length === 0) this.clear();
    else {
      const { expiry } = this;
      const times = expiry === undefined ? [] : new Array<number>(stored.length).fill(expiry.nowMs());
      this.#slot.set({ values: stored, times });
    }
  }

  clear(): void {
    this.#slot.set(undefined);
  }

  *rows(cell: Cell): Generator<CellRow, void, void> {
    const { values, times } = cell as ListCell;
    const { expiry } = this;
    const freeableMs = expiry?.freeableMs() ?? 0;
    for (let i = 0; i < values.length; i++) {
      if (expiry?.isFreeable(times[i], freeableMs)) continue;
      yield { value: values[i], updatedAtMs: times[i] };
    }
  }

  rowCount(cell: Cell): number {
    return (cell as ListCell).values.length;
  }

  restored(cell: Cell, value: unknown, updatedAtMs: number | undefined): Cell {
    const list = (cell as ListCell | undefined) ?? { values: [], times: [] };
    list.values.push(value);
    if (updatedAtMs !== undefined) list.times.push(updatedAtMs);
    return list;
  }

  plain(cell: Cell): unknown {
    return (cell as ListCell).values.map(this.#stored.load);
  }

  *sweep(cell: Cell, drop: () => void, freed: () => void): Generator<void, void, void> {
    const list = cell as ListCell;
    const { expiry } = this;
    if (expiry === undefined) return;
    const freeableMs = expiry.freeableMs();
    const kept: number[] = [];
    for (let i = 0; i < list.times.length; i++) if (!expiry.isFreeable(list.times[i], freeableMs)) kept.push(i);
    if (kept.length < list.times.length) {
      list.values = kept.map((i) => list.values[i]);
      list.times = kept.map((i) => list.times[i]);
      if (kept.length === 0) drop();
      else freed();
    }
    for (let at = 0; at <= kept.length; at += SWEEP_ELEMENTS) yield; // a long list takes the steps of many values
  }
}
