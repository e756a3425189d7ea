import type {
  AggregateValues,
  ReduceValues,
  StateDescriptor,
  ValueStateDescriptor,
} from "../../core/state/descriptors.ts";
import type { AggregatingState, ReducingState, ValueState } from "../../core/state/keyed-state.ts";
import type { StoredType } from "../../core/state/stored-value.ts";
import type { CellRow, CellState, StateParts } from "./cell-state.ts";
import type { Expiry } from "./expiry.ts";
import type { Slot } from "./key-cells.ts";
import type { Cell } from "./key-entry.ts";
import type { UnreadValues } from "./unread-values.ts";

interface TimedValue {
  readonly value: unknown;
  updatedAtMs: number;
}

/**
 * State of one stored value per key; a cell is the value itself, or what stands for it as long as nobody has read it, or a
 * `TimedValue` where it has a time to live.
 */
abstract class SingleValue implements CellState {
  abstract readonly descriptor: StateDescriptor;
  readonly expiry: Expiry | undefined;
  readonly unread: UnreadValues | undefined;
  protected readonly stored: StoredType;
  readonly #slot: Slot;

  constructor({ slot, stored, expiry, unread }: StateParts) {
    this.#slot = slot;
    this.unread = unread;
    this.stored = stored;
    this.expiry = expiry;
  }

  clear(): void {
    this.#slot.set(undefined);
  }

  rows(cell: Cell): CellRow[] {
    const { expiry } = this;
    if (expiry === undefined) return [{ value: this.#valueOf(cell) }];
    const timed = cell as TimedValue;
    return expiry.isFreeable(timed.updatedAtMs, expiry.freeableMs()) ? [] : [timed];
  }

  rowCount(): number {
    return 1;
  }

  restored(_: Cell, value: unknown, updatedAtMs: number | undefined): Cell {
    return this.expiry === undefined ? value : { value, updatedAtMs };
  }

  plain(cell: Cell): unknown {
    const value = this.expiry === undefined ? this.#valueOf(cell) : (cell as TimedValue).value;
    return this.stored.load(value);
  }

  *sweep(cell: Cell, drop: () => void): Generator<void, void, void> {
    const { expiry } = this;
    if (expiry?.isFreeable((cell as TimedValue).updatedAtMs, expiry.freeableMs())) drop();
    yield;
  }

  /** The stored value that a function may see, undefined where there is none. */
  protected read(): unknown {
    const cell = this.#slot.get();
    const { expiry } = this;
    if (cell === undefined) return undefined;
    if (expiry === undefined) return this.#valueOf(cell);
    const timed = cell as TimedValue;
    const nowMs = expiry.nowMs();
    if (!expiry.isVisible(timed.updatedAtMs, nowMs)) return undefined;
    if (expiry.renewsOnRead) {
      timed.updatedAtMs = expiry.renewed(timed.updatedAtMs, nowMs);
      this.#slot.touch();
    }
    return timed.value;
  }

  /** Stores a value in stored form; null clears. */
  protected write(value: unknown): void {
    const { expiry } = this;
    if (value === null) this.#slot.set(undefined);
    else if (expiry === undefined) this.#slot.set(value);
    else {
      const nowMs = expiry.nowMs();
      const old = this.#slot.get() as TimedValue | undefined;
      this.#slot.set({ value, updatedAtMs: expiry.renewed(old?.updatedAtMs, nowMs) });
    }
  }

  #valueOf(cell: Cell): unknown {
    return this.unread === undefined ? cell : this.unread.valueOf(cell);
  }
}

export class MemoryValueState extends SingleValue implements ValueState {
  readonly descriptor: ValueStateDescriptor;

  constructor(descriptor: ValueStateDescriptor, parts: StateParts) {
    super(parts);
    this.descriptor = descriptor;
  }

  get(): unknown {
    const value = this.read();
    return value === undefined ? null : this.stored.load(value);
  }

  set(value: unknown): void {
    this.write(this.stored.store(value));
  }
}

export class MemoryReducingState extends SingleValue implements ReducingState {
  readonly descriptor: StateDescriptor;
  readonly #reduce: ReduceValues<unknown>;

  constructor(descriptor: Extract<StateDescriptor, { kind: "reducing" }>, parts: StateParts) {
    super(parts);
    this.descriptor = descriptor;
    this.#reduce = descriptor.reduce as unknown as ReduceValues<unknown>;
  }

  get(): unknown {
    const value = this.read();
    return value === undefined ? null : this.stored.load(value);
  }

  add(value: unknown): void {
    const { stored } = this;
    const given = stored.store(value);
    const before = this.read();
    this.write(before === undefined ? given : stored.store(this.#reduce(stored.load(before), given)));
  }
}

export class MemoryAggregatingState extends SingleValue implements AggregatingState {
  readonly descriptor: StateDescriptor;
  readonly #aggregate: AggregateValues<unknown, unknown, unknown>;

  constructor(descriptor: Extract<StateDescriptor, { kind: "aggregating" }>, parts: StateParts) {
    super(parts);
    this.descriptor = descriptor;
    this.#aggregate = descriptor.aggregate as unknown as AggregateValues<unknown, unknown, unknown>;
  }

  get(): unknown {
    const accumulator = this.read();
    return accumulator === undefined ? null : this.#aggregate.getResult(this.stored.load(accumulator));
  }

  add(value: unknown): void {
    const { stored } = this;
    const before = this.read();
    // A copy: a function that changes it and then throws has changed nothing.
    const accumulator = before === undefined ? this.#aggregate.createAccumulator() : stored.load(before);
    this.write(stored.store(this.#aggregate.add(accumulator, value)));
  }

  override plain(cell: Cell): unknown {
    return this.#aggregate.getResult(super.plain(cell));
  }
}
