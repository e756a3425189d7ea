import fc from "fast-check";
import type { WindowedStream } from "../../../src/datastream/windowed-stream.ts";
import {
  CountTrigger,
  EventTimeSessionWindows,
  EventTimeTrigger,
  type Evictor,
  mapState,
  PurgingTrigger,
  TimeEvictor,
  type Trigger,
  types,
} from "../../../src/index.ts";
import { big, byKey, type DagStep, type Event, type EventFields, type EventRow, events, idOfTime } from "./events.ts";
import { type AnyWindow, anyWindow, sessions } from "./window-steps.ts";

// Functions over windows of event time: they give what does not depend on the order in which rows came.

const schema = events;

type Windows = WindowedStream<EventFields, "k">;
type Key = string | null | undefined;
interface Bounds {
  readonly startMs: number;
  readonly endMs: number;
}

/** What a function makes of one firing. */
interface AnyFunction {
  readonly text: string;
  /** Whether it tells the windows of a key apart by their number. */
  readonly isNumbering?: boolean;
  meaning(rows: readonly Event[]): number;
  build(windows: Windows): unknown;
}

const result = (key: Key, { startMs, endMs }: Bounds, v: bigint): EventRow => ({
  id: BigInt(idOfTime(startMs)),
  k: key ?? null,
  v,
  t: BigInt(endMs - 1),
});
const total = (rows: readonly Event[]): number => rows.reduce((sum, { v }) => sum + v, 0);

const reduceAndProcess: AnyFunction = {
  text: "reduce(sum of v, process)",
  meaning: total,
  build: (windows) =>
    windows.reduce(
      (left, right) => ({ ...left, v: big(left.v) + big(right.v) }),
      (key, { window }, [row]) => [result(key, window, big(row.v))],
      { schema },
    ),
};

const aggregateAndProcess: AnyFunction = {
  text: "aggregate({ sum, count }, process)",
  meaning: (rows) => total(rows) * 3 + rows.length,
  build: (windows) =>
    windows.aggregate(
      {
        createAccumulator: () => ({ sum: 0, rows: 0 }),
        add: (all, { v }) => ({ sum: all.sum + Number(v), rows: all.rows + 1 }),
        getResult: ({ sum, rows }) => ({ v: sum * 3 + rows }),
        merge: (a, b) => ({ sum: a.sum + b.sum, rows: a.rows + b.rows }),
      },
      (key: Key, { window }, [{ v }]) => [result(key, window, BigInt(v))],
      { schema },
    ),
};

const apply: AnyFunction = {
  text: "apply(least id + rows)",
  meaning: (rows) => Math.min(...rows.map(({ id }) => id)) + rows.length,
  build: (windows) =>
    windows.apply(
      (key: Key, window, rows) => [
        result(key, window, BigInt(Math.min(...rows.map(({ id }) => Number(id))) + rows.length)),
      ],
      { schema },
    ),
};

const seen = mapState("windows of the key", types.int64, types.int64);

/** Windows of a key fire in the order of their ends. */
const numbering: AnyFunction = {
  text: "process(rows + 1000 * number of the window among those of the key)",
  isNumbering: true,
  meaning: (rows) => rows.length,
  build: (windows) =>
    windows.process(
      (key: Key, { window, globalState }, rows) => {
        const known = globalState(seen);
        known.set(BigInt(window.endMs), 1n);
        return [result(key, window, BigInt(rows.length + 1000 * [...known.entries()].length))];
      },
      { schema },
    ),
};

const anyFunction = fc.constantFrom(reduceAndProcess, aggregateAndProcess, apply, numbering);

/** Which rows a window has when it fires, firing by firing. */
export interface AnyFiring {
  readonly text: string;
  /** Functions of these rows would depend on their order. */
  readonly isCountOnly: boolean;
  meaning(rows: readonly Event[]): readonly (readonly Event[])[];
  readonly trigger?: Trigger<never>;
  readonly evictor?: Evictor<never>;
}

const atItsEnd: AnyFiring = { text: "", isCountOnly: false, meaning: (rows) => [rows] };

export const anyFiring: fc.Arbitrary<AnyFiring> = fc.oneof(
  fc.constant(atItsEnd),
  fc.constant<AnyFiring>({
    text: ".trigger(EventTimeTrigger)",
    isCountOnly: false,
    meaning: (rows) => [rows],
    trigger: EventTimeTrigger.create(),
  }),
  fc.constant<AnyFiring>({
    text: ".trigger(PurgingTrigger(EventTimeTrigger))",
    isCountOnly: false,
    meaning: (rows) => [rows],
    trigger: PurgingTrigger.of(EventTimeTrigger.create()),
  }),
  fc.record({ keepMs: fc.integer({ min: 1, max: 12 }) }).map(
    ({ keepMs }): AnyFiring => ({
      text: `.evictor(TimeEvictor(${keepMs}))`,
      isCountOnly: false,
      meaning: (rows) => [rows.filter(({ t }) => t > Math.max(...rows.map((row) => row.t)) - keepMs)],
      evictor: TimeEvictor.of(keepMs),
    }),
  ),
  fc.record({ count: fc.integer({ min: 1, max: 4 }), isPurging: fc.boolean() }).map(
    ({ count, isPurging }): AnyFiring => ({
      text: `.trigger(${isPurging ? `PurgingTrigger(CountTrigger(${count}))` : `CountTrigger(${count})`})`,
      isCountOnly: true,
      meaning: (rows) =>
        Array.from({ length: Math.floor(rows.length / count) }, (_, i) =>
          rows.slice(0, isPurging ? count : (i + 1) * count),
        ),
      trigger: isPurging ? PurgingTrigger.of(CountTrigger.of(count)) : CountTrigger.of(count),
    }),
  ),
);

/** How many rows a session has when it fires early depends on which sessions have been joined by then. */
export const firingOf = (window: AnyWindow, given: AnyFiring): AnyFiring =>
  given.isCountOnly && window.text.startsWith("session") ? atItsEnd : given;

const fired = (windows: Windows, { trigger, evictor }: AnyFiring): Windows => {
  const triggered = trigger === undefined ? windows : windows.trigger(trigger);
  return evictor === undefined ? triggered : triggered.evictor(evictor);
};

const counting: AnyFunction = {
  text: "process(rows)",
  meaning: (rows) => rows.length,
  build: (windows) =>
    windows.process((key: Key, { window }, rows) => [result(key, window, BigInt(rows.length))], { schema }),
};

const functionSession = fc.constant(
  sessions(
    "session(row => |v| % 5 + 1)",
    EventTimeSessionWindows.withDynamicGap((row: { readonly v?: unknown }) => (Math.abs(Number(row.v)) % 5) + 1),
    ({ v }) => (Math.abs(v) % 5) + 1,
  ),
);

/** Windows of one's own that are those of 10 ms, and one of 30 ms for even rows. */
export const ownBounds = (v: number, t: number): Bounds[] =>
  (v % 2 === 0 ? [10, 30] : [10]).map((sizeMs) => {
    const startMs = Math.floor(t / sizeMs) * sizeMs;
    return { startMs, endMs: startMs + sizeMs };
  });

/** `assigner` gives the windows of `ownBounds`. */
export const ownWindows = (assigner: object): AnyWindow => ({
  text: "own",
  assigner: assigner as never,
  cut: (rows) => {
    const found = new Map<string, { bounds: readonly [number, number]; rows: Event[] }>();
    for (const row of rows) {
      for (const { startMs, endMs } of ownBounds(row.v, row.t)) {
        const name = `${startMs} ${endMs}`;
        const window = found.get(name) ?? { bounds: [startMs, endMs] as const, rows: [] };
        window.rows.push(row);
        found.set(name, window);
      }
    }
    return [...found.values()];
  },
});

const own = fc.constant(
  ownWindows({ assignWindows: ({ v }: EventRow, timeMs: number) => ownBounds(Number(v), timeMs) }),
);

export const anyWindowFunction: fc.Arbitrary<DagStep> = fc
  .record({
    window: fc.oneof({ weight: 4, arbitrary: anyWindow }, functionSession, own),
    firing: anyFiring,
    fn: anyFunction,
    isKeyed: fc.constantFrom(true, true, false),
  })
  .map(({ window, firing: given, fn: wanted, isKeyed }): DagStep => {
    const firing = firingOf(window, given);
    // Several windows of one's own may end together.
    const fn = firing.isCountOnly || (wanted.isNumbering === true && window.text === "own") ? counting : wanted;
    return {
      inputs: 1,
      text: ([s]) => `${s}${isKeyed ? '.keyBy("k").window' : ".windowAll"}(${window.text})${firing.text}.${fn.text}`,
      meaning: ([rows]) =>
        [...(isKeyed ? byKey(rows) : new Map([[null, rows]]))].flatMap(([k, group]) =>
          window
            .cut(group)
            .toSorted((a, b) => a.bounds[1] - b.bounds[1])
            .flatMap(({ bounds, rows: inside }, i) =>
              firing.meaning(inside).map((rowsThen) => ({
                id: idOfTime(bounds[0]),
                k,
                v: fn.meaning(rowsThen) + (fn.isNumbering === true ? 1000 * (i + 1) : 0),
                t: bounds[1] - 1,
              })),
            ),
        ),
      build: ([s], at) => {
        const windows = isKeyed
          ? s.keyBy("k").window(window.assigner)
          : (s.windowAll(window.assigner) as unknown as Windows);
        return at(fn.build(fired(windows, firing)) as typeof s);
      },
    };
  });
