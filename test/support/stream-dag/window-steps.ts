import fc from "fast-check";
import type { JoinType } from "../../../src/core/joins/join-plan.ts";
import type { AlignedWindowSpec } from "../../../src/core/windows/window-spec.ts";
import type { WindowedStream } from "../../../src/datastream/windowed-stream.ts";
import type { WindowAssigner } from "../../../src/datastream/windows.ts";
import {
  CumulateEventTimeWindows,
  coalesce,
  col,
  count,
  countDistinct,
  EventTimeSessionWindows,
  type Expression,
  greatest,
  lit,
  max,
  min,
  OutputTag,
  SlidingEventTimeWindows,
  sum,
  TumblingEventTimeWindows,
} from "../../../src/index.ts";
import { windowsOf } from "../../reference/windows.ts";
import {
  big,
  byKey,
  type DagStep,
  type Event,
  type EventFields,
  type EventStream,
  events,
  ID_LIMIT,
  idOfTime,
  selected,
} from "./events.ts";

// Windows and joins of event time.

type Bounds = readonly [startMs: number, endMs: number];

export interface AnyWindow {
  readonly text: string;
  readonly assigner: WindowAssigner;
  /** Windows with the rows of one key that are in them. */
  cut(rows: readonly Event[]): readonly { readonly bounds: Bounds; readonly rows: readonly Event[] }[];
}

function aligned(text: string, assigner: WindowAssigner): AnyWindow {
  return {
    text,
    assigner,
    cut: (rows) => {
      const found = new Map<string, { bounds: Bounds; rows: Event[] }>();
      for (const row of rows) {
        for (const bounds of windowsOf(assigner.spec as AlignedWindowSpec, row.t)) {
          const name = bounds.join();
          const window = found.get(name) ?? { bounds, rows: [] };
          window.rows.push(row);
          found.set(name, window);
        }
      }
      return [...found.values()];
    },
  };
}

export function sessions(text: string, assigner: WindowAssigner, gapOf: (row: Event) => number): AnyWindow {
  return {
    text,
    assigner,
    cut: (rows) => {
      const found: { bounds: [number, number]; rows: Event[] }[] = [];
      for (const row of [...rows].sort((a, b) => a.t - b.t)) {
        const last = found.at(-1);
        const endMs = row.t + gapOf(row);
        if (last === undefined || row.t >= last.bounds[1]) found.push({ bounds: [row.t, endMs], rows: [row] });
        else {
          last.rows.push(row);
          last.bounds[1] = Math.max(last.bounds[1], endMs);
        }
      }
      return found;
    },
  };
}

const size = fc.integer({ min: 1, max: 40 });
const offset = fc.integer({ min: -5, max: 5 });

const tumbling = fc
  .record({ size, offset })
  .map((p) => aligned(`tumbling(${p.size}, ${p.offset})`, TumblingEventTimeWindows.of(p.size, p.offset % p.size)));
const sliding = fc
  .record({ size, slide: fc.integer({ min: 3, max: 20 }) })
  .map((p) => aligned(`sliding(${p.size}, ${p.slide})`, SlidingEventTimeWindows.of(p.size, p.slide)));
const cumulate = fc
  .record({ step: fc.integer({ min: 1, max: 10 }), steps: fc.integer({ min: 1, max: 4 }) })
  .map((p) =>
    aligned(`cumulate(${p.step * p.steps}, ${p.step})`, CumulateEventTimeWindows.of(p.step * p.steps, p.step)),
  );
const session = fc
  .record({ gap: fc.integer({ min: 1, max: 12 }) })
  .map((p) => sessions(`session(${p.gap})`, EventTimeSessionWindows.withGap(p.gap), () => p.gap));
const dynamicSession = fc.constant(
  sessions(
    "session(|v| % 7 + 1)",
    EventTimeSessionWindows.withDynamicGap(col("v").abs().mod(7n).add(1n)),
    ({ v }) => (Math.abs(v) % 7) + 1,
  ),
);

export const anyWindow: fc.Arbitrary<AnyWindow> = fc.oneof(tumbling, sliding, session, cumulate, dynamicSession);

const AGGREGATES = {
  "sum + count": {
    of: { a: sum("v"), b: count() },
    meaning: (rows: readonly Event[]) => rows.reduce((total, { v }) => total + v, 0) + rows.length,
  },
  "min + max": {
    of: { a: min("v"), b: max("v") },
    meaning: (rows: readonly Event[]) => Math.min(...rows.map(({ v }) => v)) + Math.max(...rows.map(({ v }) => v)),
  },
  "distinct + max": {
    of: { a: countDistinct("v"), b: max("id") },
    meaning: (rows: readonly Event[]) => new Set(rows.map(({ v }) => v)).size + Math.max(...rows.map(({ id }) => id)),
  },
} as const;
type AggregateName = keyof typeof AGGREGATES;
const aggregateName = fc.constantFrom(...(Object.keys(AGGREGATES) as AggregateName[]));
const exactName = fc.constantFrom("sum + count" as const, "min + max" as const);

export const lastMs = col("windowEnd").toEpoch("ms").sub(1n);
let tags = 0;

interface Windowed {
  readonly window: AnyWindow;
  readonly name: AggregateName;
  readonly isKeyed: boolean;
}

const windowStep = ({ window, name, isKeyed }: Windowed): DagStep => {
  const { of, meaning } = AGGREGATES[name];
  const late = new OutputTag(`late ${tags++}`, events);
  let aggregated: Pick<EventStream, "getSideOutput">;
  return {
    inputs: 1,
    text: ([s]) => `${s}${isKeyed ? '.keyBy("k").window' : ".windowAll"}(${window.text}).aggregate(${name})`,
    meaning: ([rows]) =>
      [...(isKeyed ? byKey(rows) : new Map([["all", rows]]))].flatMap(([k, group]) =>
        window.cut(group).map(({ bounds, rows: inside }) => ({
          id: idOfTime(bounds[0]),
          k,
          v: meaning(inside),
          t: bounds[1] - 1,
        })),
      ),
    build: ([s], at) => {
      const windows = isKeyed
        ? s.keyBy("k").window(window.assigner)
        : (s.windowAll(window.assigner) as unknown as WindowedStream<EventFields, "k">);
      aggregated = at(windows.sideOutputLateData(late).aggregate(of));
      return selected(aggregated, {
        id: col("windowStart").toEpoch("ms").mod(BigInt(ID_LIMIT)),
        k: isKeyed ? col("k") : lit("all"),
        v: col("a").add(col("b")),
        t: lastMs,
      });
    },
    // Sources keep to their bound, so that nothing is ever late.
    side: { meaning: () => [], of: () => aggregated.getSideOutput(late) },
  };
};

const isKeyed = fc.constantFrom(true, true, false);
const windowed = fc.record({ window: anyWindow, name: aggregateName, isKeyed }).map(windowStep);

/** Windows whose rows may be combined in front of the exchange. */
export const combinable = fc
  .record({ window: fc.oneof(tumbling, sliding, cumulate), name: exactName, isKeyed })
  .map(windowStep);

/** Pairs, and rows of either side alone, as the steps below give them. */
export const pair = (left: Event | undefined, right: Event | undefined, t: number): Event => ({
  id: ((left?.id ?? -1) * 31 + (right?.id ?? -2)) % ID_LIMIT,
  k: (left ?? right)?.k ?? null,
  v: (left?.v ?? 7) - (right?.v ?? 9),
  t,
});

export const isMatch = (left: Event, right: Event): boolean => left.k !== null && left.k === right.k;

export const paired = (joined: unknown, t: Expression): EventStream =>
  selected(joined, {
    id: coalesce(col("id"), -1n)
      .mul(31n)
      .add(coalesce(col("id_right"), -2n))
      .mod(BigInt(ID_LIMIT)),
    k: col("k"),
    v: coalesce(col("v"), 7n).sub(coalesce(col("v_right"), 9n)),
    t,
  });

export const intervalJoin = fc
  .record({
    type: fc.constantFrom("inner" as const, "left" as const, "right" as const, "full" as const),
    lower: fc.oneof(fc.integer({ min: -12, max: 8 }), fc.constantFrom(-12, -6, 0, 6)),
    width: fc.oneof(fc.nat(12), fc.constantFrom(0, 6, 12)),
  })
  .map(({ type, lower, width }): DagStep => {
    const upper = lower + width;
    return {
      inputs: 2,
      text: ([a, b]) => `${a}.keyBy("k").intervalJoin(${b}.keyBy("k"), "${type}").between(${lower}, ${upper})`,
      meaning: ([a, b]) => {
        const isNear = (l: Event, r: Event) => isMatch(l, r) && r.t - l.t >= lower && r.t - l.t <= upper;
        const pairs = a.flatMap((l) => b.filter((r) => isNear(l, r)).map((r) => pair(l, r, Math.max(l.t, r.t))));
        const lefts = type === "left" || type === "full" ? a.filter((l) => !b.some((r) => isNear(l, r))) : [];
        const rights = type === "right" || type === "full" ? b.filter((r) => !a.some((l) => isNear(l, r))) : [];
        return [...pairs, ...lefts.map((l) => pair(l, undefined, l.t)), ...rights.map((r) => pair(undefined, r, r.t))];
      },
      build: ([a, b], at) =>
        paired(
          at(a.keyBy("k").intervalJoin(b.keyBy("k"), { type }).between(lower, upper)),
          greatest(col("t"), col("t_right")),
        ),
    };
  });

/** The rows of two streams by key and window, firing by firing: a session is that of both. */
export function cutBoth(
  window: AnyWindow,
  [left, right]: readonly (readonly Event[])[],
  firings: (rows: readonly Event[]) => readonly (readonly Event[])[] = (rows) => [rows],
) {
  const rows = [...left.map((row) => ({ ...row, isLeft: true })), ...right.map((row) => ({ ...row, isLeft: false }))];
  return [...byKey(rows)].flatMap(([k, group]) =>
    window.cut(group).flatMap(({ bounds, rows: inside }) =>
      firings(inside).map((fired) => {
        const side = (isLeft: boolean) => (fired as typeof rows).filter((row) => row.isLeft === isLeft);
        return { k, t: bounds[1] - 1, left: side(true), right: side(false) };
      }),
    ),
  );
}

export const functionSession = fc.constant(
  sessions(
    "session(|v| % 5 + 1, a function)",
    EventTimeSessionWindows.withDynamicGap((row: { readonly v?: unknown }) => (Math.abs(Number(row.v)) % 5) + 1),
    ({ v }) => (Math.abs(v) % 5) + 1,
  ),
);
const sharedWindow = fc.oneof(tumbling, sliding, cumulate, session, dynamicSession, functionSession);

const coGroup = fc.record({ window: sharedWindow }).map(
  ({ window }): DagStep => ({
    inputs: 2,
    text: ([a, b]) => `${a}.keyBy("k").coGroup(${b}.keyBy("k")).window(${window.text}).apply(ids of both)`,
    meaning: (inputs) =>
      cutBoth(window, inputs).map(({ k, t, left, right }) => ({
        id: left.reduce((all, { id }) => all + id, 0) % ID_LIMIT,
        k,
        v: right.reduce((all, { v }) => all + v, 0) - left.length,
        t,
      })),
    build: ([a, b], at) =>
      at(
        at(
          a
            .keyBy("k")
            .coGroup(b.keyBy("k"))
            .window(window.assigner)
            .apply(
              ({ k }, left, right) => {
                const ids = [...left].map(({ id }) => big(id));
                const id = ids.reduce((all, each) => all + each, 0n) % BigInt(ID_LIMIT);
                const v = [...right].reduce((all, row) => all + big(row.v), 0n) - BigInt(ids.length);
                return [{ id, k, v, t: 0n }];
              },
              { schema: events },
            ),
        ).process(
          {
            processElement({ id, k, v }, { timestampMs }, out) {
              out.collect({ id, k, v, t: BigInt(timestampMs) });
            },
          },
          { schema: events },
        ),
      ) as never,
  }),
);

export const joinType = fc.constantFrom("inner", "left", "right", "full", "semi", "anti" as const);

const windowJoin = fc
  .record({
    type: joinType,
    window: sharedWindow,
  })
  .map(({ type, window }): DagStep => {
    const hasRight = type !== "semi" && type !== "anti";
    return {
      inputs: 2,
      text: ([a, b]) => `${a}.keyBy("k").join(${b}.keyBy("k"), "${type}").window(${window.text})`,
      meaning: (inputs) => cutBoth(window, inputs).flatMap(({ t, left, right }) => joinedRows(type, left, right, t)),
      build: ([a, b], at) => {
        const joined = at(a.keyBy("k").join(b.keyBy("k"), { type }).window(window.assigner));
        if (hasRight) return paired(joined, lastMs);
        return selected(joined, { id: col("id"), k: col("k"), v: col("v"), t: lastMs });
      },
    };
  });

/** The pairs of rows that a window has of both sides. */
export function joinedRows(type: JoinType, l: readonly Event[], r: readonly Event[], t: number): Event[] {
  const lonely = l.filter((row) => !r.some((other) => isMatch(row, other)));
  if (type === "semi") return l.filter((row) => !lonely.includes(row)).map((row) => ({ ...row, t }));
  if (type === "anti") return lonely.map((row) => ({ ...row, t }));
  const pairs = l.flatMap((row) => r.filter((other) => isMatch(row, other)).map((other) => pair(row, other, t)));
  const lefts = type === "left" || type === "full" ? lonely : [];
  const rights = type === "right" || type === "full" ? r.filter((row) => !l.some((other) => isMatch(other, row))) : [];
  return [...pairs, ...lefts.map((row) => pair(row, undefined, t)), ...rights.map((row) => pair(undefined, row, t))];
}

export const anyWindowStep: fc.Arbitrary<DagStep> = fc.oneof(
  { weight: 3, arbitrary: windowed },
  { weight: 1, arbitrary: intervalJoin },
  { weight: 1, arbitrary: windowJoin },
  { weight: 1, arbitrary: coGroup },
);
