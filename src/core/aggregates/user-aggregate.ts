import type { Column } from "../column.ts";
import { buildColumn } from "../columns/builder.ts";
import { columnReader } from "../columns/read.ts";
import { UserFunctionError } from "../errors.ts";
import { type DataType, utf8 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { Accumulator, GroupedRows } from "./accumulator.ts";

/**
 * An aggregate written in TypeScript. It runs on the thread of its closure, one call of `add` per row.
 * `encode` and `decode` turn a state into text, for partial states that spill or travel; JSON unless given.
 */
export interface UserAggregate<S = unknown> {
  readonly resultType: DataType;
  create(): S;
  /** Takes a row's values in, nulls included; returns the new state, which may be the old one changed. */
  add(state: S, ...values: unknown[]): S;
  merge(a: S, b: S): S;
  result(state: S): unknown;
  encode?(state: S): string;
  decode?(text: string): S;
}

/** Runs a user's aggregate; what it throws becomes a UserFunctionError. */
export class UserAccumulator implements Accumulator {
  readonly stateTypes: readonly DataType[] = [utf8];
  readonly #workspace: Workspace;
  readonly #aggregate: UserAggregate;
  readonly #name: string;
  #states: unknown[] = [];

  constructor(workspace: Workspace, aggregate: UserAggregate, name: string) {
    this.#workspace = workspace;
    this.#aggregate = aggregate;
    this.#name = name;
  }

  get memoryBytes(): number {
    return 0;
  }

  update({ groups, rowCount, groupCount }: GroupedRows, columns: readonly Column[]): void {
    this.#ensure(groupCount);
    const readers = columns.map((column) => columnReader(this.#workspace, column));
    const groupOf = this.#workspace.u32.subarray(groups >>> 2, (groups >>> 2) + rowCount);
    this.#call("add", () => {
      for (let row = 0; row < rowCount; row++) {
        const group = groupOf[row];
        this.#states[group] = this.#aggregate.add(this.#states[group], ...readers.map((read) => read(row)));
      }
    });
  }

  merge({ groups, rowCount, groupCount }: GroupedRows, [states]: readonly Column[]): void {
    this.#ensure(groupCount);
    const read = columnReader(this.#workspace, states);
    const groupOf = this.#workspace.u32.subarray(groups >>> 2, (groups >>> 2) + rowCount);
    this.#call("merge", () => {
      for (let row = 0; row < rowCount; row++) {
        const text = read(row) as string;
        const state = this.#aggregate.decode === undefined ? JSON.parse(text) : this.#aggregate.decode(text);
        this.#states[groupOf[row]] = this.#aggregate.merge(this.#states[groupOf[row]], state);
      }
    });
  }

  results(from: number, count: number): Column {
    this.#ensure(from + count);
    const values = this.#call("result", () =>
      this.#states.slice(from, from + count).map((state) => this.#aggregate.result(state) ?? null),
    );
    return buildColumn(this.#workspace, this.#aggregate.resultType, values);
  }

  stateColumns(from: number, count: number): Column[] {
    this.#ensure(from + count);
    const { encode } = this.#aggregate;
    const texts = this.#call("encode", () =>
      this.#states.slice(from, from + count).map((state) => encode?.(state) ?? JSON.stringify(state)),
    );
    return [buildColumn(this.#workspace, utf8, texts)];
  }

  growthBytes(): number {
    return 0;
  }

  reset(): void {
    this.#states = [];
  }

  release(): void {
    this.#states = [];
  }

  #ensure(groupCount: number): void {
    this.#call("create", () => {
      while (this.#states.length < groupCount) this.#states.push(this.#aggregate.create());
    });
  }

  #call<T>(step: string, run: () => T): T {
    try {
      return run();
    } catch (cause) {
      throw new UserFunctionError(`${step} of the aggregate "${this.#name}"`, cause);
    }
  }
}
