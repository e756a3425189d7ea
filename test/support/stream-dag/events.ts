import type { Host } from "../../../src/core/host.ts";
import type { RowOf } from "../../../src/core/schema.ts";
import type { Fields } from "../../../src/core/types.ts";
import type { DataStream } from "../../../src/datastream/data-stream.ts";
import { type Expression, Schema, types } from "../../../src/index.ts";

/** The rows of every stream of a random program; `t` is the event time of the row, seen as a column. */
export const events = Schema.of({ id: types.int64, k: types.utf8, v: types.int64, t: types.int64 });
export type EventFields = typeof events.$fields;
export type EventRow = RowOf<EventFields>;
export type EventStream = DataStream<EventFields>;

/** The same for the reference, with numbers that fit. */
export interface Event {
  readonly id: number;
  readonly k: string | null;
  readonly v: number;
  readonly t: number;
}

/** Where a step runs and whether it is chained; the plain run leaves it out. */
export type Place = <F extends Fields>(stream: DataStream<F>) => DataStream<F>;

/** One step of a program: how it reads, what it means, and how the API is told. */
export interface DagStep {
  readonly inputs: 1 | 2;
  /** It reads a source of one split: its rows depend on the order in which those of a key come. */
  readonly needsOrder?: boolean;
  text(inputs: readonly string[]): string;
  /** `isBatch`: in batch mode, where results that later ones replace are left out. */
  meaning(inputs: readonly (readonly Event[])[], isBatch: boolean): readonly Event[];
  build(inputs: readonly EventStream[], at: Place, host: Host): EventStream;
  /** A step with a side output: what goes there, and how to get it. */
  readonly side?: {
    meaning(inputs: readonly (readonly Event[])[]): readonly Event[];
    of(built: EventStream): EventStream;
  };
}

/** A last step, whose rows have no event time that could be told beforehand, or are a changelog. */
export interface DagEnd {
  readonly inputs: 1 | 2;
  readonly needsOrder?: boolean;
  text(inputs: readonly string[]): string;
  /** Final rows as text; `isBatch` as of steps. */
  meaning(inputs: readonly (readonly Event[])[], isBatch: boolean): readonly string[];
  build(inputs: readonly EventStream[], at: Place): DataStream;
}

/** The columns of a result as those of a stream of events. */
export const selected = (stream: unknown, columns: Readonly<Record<keyof EventFields, Expression>>): EventStream =>
  (stream as DataStream).select(columns as never) as never;

export const big = (value: bigint | null): bigint => value ?? 0n;
/** Ids stay small however many joins there are. */
export const ID_LIMIT = 1_000_003;

/** Times may be close to the last of all: what numbers are made of them later has to be exact. */
export const idOfTime = (timeMs: number): number => (timeMs % ID_LIMIT) + 0;

/** By key, in order of appearance. */
export function byKey<T extends { readonly k: string | null }>(rows: readonly T[]): Map<string | null, T[]> {
  const groups = new Map<string | null, T[]>();
  for (const row of rows) {
    const group = groups.get(row.k);
    if (group === undefined) groups.set(row.k, [row]);
    else group.push(row);
  }
  return groups;
}

export const eventText = ({ id, k, v, t }: Event): string => `${id} ${k} ${v} @${t}`;
export const rowText = (row: object): string =>
  JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
