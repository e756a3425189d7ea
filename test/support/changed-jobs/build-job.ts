import type { StateAccess } from "../../../src/core/state/keyed-state.ts";
import {
  aggregatingState,
  col,
  count,
  type DataStream,
  type Expression,
  listState,
  lit,
  mapState,
  max,
  min,
  OutputTag,
  reducingState,
  Schema,
  type StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { type EventFields, type EventRow, type EventStream, events } from "../stream-dag/events.ts";
import { scriptedSource, type WatchedReading } from "../stream-dag/scripted-source.ts";
import {
  amountOf,
  type FunctionStep,
  type Input,
  type Job,
  KEY_TEXTS,
  type KeyColumn,
  keyOf,
  type StateShape,
  type Step,
  timeOf,
} from "./job.ts";
import { added, loaded, type Plain, SCALARS, type Shape, stored, typeOf } from "./shapes.ts";

/** What a job gives: the numbers of the rows that it has read, and what its steps say, by uid. */
export interface Told {
  readonly read: number[];
  readonly lines: Map<string, string[]>;
}

const DAY_MS = 86_400_000;
const line = Schema.of({ line: types.utf8 });

/** Tells the API of a job. */
export function buildJob(
  env: StreamExecutionEnvironment,
  { steps }: Job,
  input: Input,
  { reading, told }: { readonly reading: WatchedReading; readonly told: Told },
): void {
  const splits = input.splits.map((ids) => ({
    rows: ids.map((id) => ({ id, k: KEY_TEXTS[keyOf(id)], v: amountOf(id), t: timeOf(id) })),
    hasOffsets: true,
  }));
  const rows = env
    .fromSource(
      scriptedSource("rows", splits, reading),
      WatermarkStrategy.boundedOutOfOrderness<EventFields>(0).withTimestamps("t"),
    )
    .uid("rows");
  rows.forEach(({ id }) => void told.read.push(Number(id)));
  let stream: EventStream = rows;
  for (const step of steps) {
    const tell = (text: string): void => {
      if (step.kind === "plain") return;
      const lines = told.lines.get(step.uid) ?? [];
      told.lines.set(step.uid, [...lines, text]);
    };
    stream = addStep(stream, step, tell);
  }
}

/** The rows with the columns of a key in front. */
function keyed(stream: EventStream, key: readonly KeyColumn[], columns: Readonly<Record<string, unknown>>): DataStream {
  const id = col("id").mod(lit(BigInt(KEY_TEXTS.length)));
  const named = key.map(({ name, scalar }) => (scalar === "utf8" ? col("k") : id.cast(SCALARS[scalar])).as(name));
  const others = Object.entries(columns).map(([name, expression]) => (expression as Expression).as(name));
  return (stream as unknown as DataStream).select(...([...named, ...others] as never[])) as never;
}

const EVENT = { id: col("id"), k: col("k"), v: col("v"), t: col("t") };

const keyText = (key: readonly KeyColumn[], row: Readonly<Record<string, unknown>>): string =>
  key.map(({ name }) => String(row[name])).join("/");

function addStep(stream: EventStream, step: Step, tell: (text: string) => void): EventStream {
  const names = step.kind === "plain" ? [] : (step.key.map(({ name }) => name) as never[]);
  const told = (made: unknown, text: (row: Readonly<Record<string, unknown>>) => string): void => {
    (made as DataStream).forEach((row) => {
      const plain = row as unknown as { toObject?: () => Record<string, unknown> };
      tell(text(plain.toObject?.() ?? (row as never)));
    });
  };
  switch (step.kind) {
    case "plain": {
      const kept = stream.filter(col("id").gt(-1n as never) as never) as never as EventStream;
      return step.isChained ? kept : kept.disableChaining();
    }
    case "function": {
      const tag = new OutputTag("told", line);
      const made = (keyed(stream, step.key, EVENT).keyBy(...names) as never as ReturnType<EventStream["keyBy"]>)
        .process(functionOf(step) as never, { schema: events, sideOutputs: [tag] as never })
        .uid(step.uid) as never as EventStream;
      told(made.getSideOutput(tag), ({ line: text }) => String(text));
      return made;
    }
    case "window": {
      const windows = (
        keyed(stream, step.key, { v: col("v") }).keyBy(...names) as never as ReturnType<EventStream["keyBy"]>
      )
        .window(TumblingEventTimeWindows.of(step.sizeMs))
        .aggregate(aggregatesOf(step.aggregates) as never)
        .uid(step.uid);
      told(windows, (row) => `${keyText(step.key, row)} @${row.windowStart} ${aggregateText(step.aggregates, row)}`);
      return stream;
    }
    case "total": {
      const totals = (
        keyed(stream, step.key, { v: col("v") }).keyBy(...names) as never as ReturnType<EventStream["keyBy"]>
      )
        .aggregate(aggregatesOf(step.aggregates) as never)
        .uid(step.uid);
      told(
        totals.toChangelog(),
        (row) => `${sign(row)}${keyText(step.key, row)} ${aggregateText(step.aggregates, row)}`,
      );
      return stream;
    }
    case "join": {
      const columns = step.columns.map(({ name, scalar }) => [name, col("v").cast(SCALARS[scalar])] as const);
      const left = keyed(stream, step.key, { id: col("id") });
      const right = keyed(stream, step.key, { other: col("id"), ...Object.fromEntries(columns) });
      const joined = (left.keyBy(...names) as never as ReturnType<EventStream["keyBy"]>)
        .join(right.keyBy(...names) as never)
        .updating()
        .uid(step.uid) as never as DataStream;
      told(joined.toChangelog(), (row) => {
        const values = step.columns.map(({ name }) => `${name}=${row[name] === null ? null : Number(row[name])}`);
        return `${sign(row)}${row.id} ${row.other} ${values.join(" ")}`;
      });
      return stream;
    }
  }
}

const sign = ({ rowKind }: Readonly<Record<string, unknown>>): string =>
  rowKind === "delete" || rowKind === "update-before" ? "-" : "+";

function aggregatesOf(names: readonly string[]): Readonly<Record<string, unknown>> {
  const all: Readonly<Record<string, unknown>> = {
    total: sum("v" as never),
    rows: count(),
    least: min("v" as never),
    greatest: max("v" as never),
  };
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}

const aggregateText = (names: readonly string[], row: Readonly<Record<string, unknown>>): string =>
  names.map((name) => `${name}=${Number(row[name])}`).join(" ");

interface Access {
  /** What the state has for the key at hand, as the model has it. */
  read(state: StateAccess): unknown;
  add(state: StateAccess, id: number): void;
}

function functionOf({ states, asksInOpen }: FunctionStep) {
  const accesses = states.map(accessOf);
  return {
    open({ state }: { readonly state: StateAccess }): void {
      if (asksInOpen) for (const { descriptor } of accesses) state(descriptor as never);
    },
    processElement(
      { id: number, k, v, t }: EventRow,
      context: { readonly state: StateAccess; output(tag: string, row: object): void },
      out: { collect(row: object): void },
    ): void {
      const id = Number(number);
      const texts = accesses.map((access) => access.read(context.state));
      for (const access of accesses) access.add(context.state, id);
      context.output("told", { line: functionLine(id, states, texts) });
      out.collect({ id: number, k, v, t });
    },
  };
}

/** What a function says with a row: what its states had for the key. */
export const functionLine = (id: number, states: readonly StateShape[], values: readonly unknown[]): string =>
  [`${id}:`, ...states.map(({ name }, i) => `${name}=${JSON.stringify(values[i])}`)].join(" ");

function accessOf({ name, kind, shape, mapKey, hasTtl }: StateShape): Access & { readonly descriptor: object } {
  const options = hasTtl ? { ttl: { ttlMs: DAY_MS } } : {};
  const type = typeOf(shape) as typeof types.int64;
  const put = (value: Plain) => stored(shape, value) as bigint;
  const get = (value: unknown): Plain => loaded(shape, value);
  switch (kind) {
    case "value": {
      const descriptor = valueState(name, type, options);
      return {
        descriptor,
        read: (state) => get(state(descriptor).get()),
        add: (state, id) => state(descriptor).set(put(added(shape, get(state(descriptor).get()), amountOf(id)))),
      };
    }
    case "list": {
      const descriptor = listState(name, type, options);
      return {
        descriptor,
        read: (state) => state(descriptor).get().map(get),
        add: (state, id) => state(descriptor).add(put(added(shape, null, amountOf(id)))),
      };
    }
    case "map": {
      const descriptor = mapState(name, SCALARS[mapKey] as typeof types.int64, type, options);
      const keyIn = (id: number) => (mapKey === "int64" ? BigInt(id % 3) : id % 3) as bigint;
      return {
        descriptor,
        read: (state) =>
          [...state(descriptor).entries()]
            .map(([key, value]) => [Number(key), get(value)])
            .sort(([a], [b]) => Number(a) - Number(b)),
        add: (state, id) => {
          const map = state(descriptor);
          map.set(keyIn(id), put(added(shape, get(map.get(keyIn(id))), amountOf(id))));
        },
      };
    }
    case "reducing": {
      const reduce = (a: bigint, b: bigint) => put(joined(shape, get(a), get(b)));
      const descriptor = reducingState(name, type, reduce, options);
      return {
        descriptor,
        read: (state) => get(state(descriptor).get()),
        add: (state, id) => state(descriptor).add(put(added(shape, null, amountOf(id)))),
      };
    }
    case "aggregating": {
      const descriptor = aggregatingState(
        name,
        {
          createAccumulator: () => put(added(shape, null, 0)),
          add: (sums: bigint, id: number) => put(added(shape, get(sums), amountOf(id))),
          getResult: (sums: bigint) => get(sums),
          merge: (a: bigint) => a,
        },
        type,
        options,
      );
      return {
        descriptor,
        read: (state) => state(descriptor).get() ?? null,
        add: (state, id) => state(descriptor).add(id),
      };
    }
  }
}

/** What two values become in a state that reduces. */
export function joined(shape: Shape, a: Plain, b: Plain): Plain {
  if (shape === "utf8") return `${a ?? ""}${b ?? ""}`;
  if (typeof shape === "string") return Number(a ?? 0) + Number(b ?? 0);
  const [left, right] = [a, b] as Readonly<Record<string, Plain>>[];
  return Object.fromEntries(
    shape.map(({ name, scalar }) => [name, joined(scalar, left?.[name] ?? null, right?.[name] ?? null)]),
  ) as Plain;
}
