import fc from "fast-check";
import type { WindowedStream } from "../../../src/datastream/windowed-stream.ts";
import type { WindowAssigner } from "../../../src/datastream/windows.ts";
import {
  CumulateEventTimeWindows,
  col,
  count,
  EventTimeSessionWindows,
  lit,
  OutputTag,
  sum,
  TumblingEventTimeWindows,
} from "../../../src/index.ts";
import { big, type DagStep, type EventFields, type EventStream, events, selected } from "./events.ts";
import { type DagSource, type Program, programText } from "./program.ts";
import type { ScriptedSplit } from "./scripted-source.ts";

// Programs whose rows come later than their watermarks allow: what is late depends on the run, but no row is lost.

const offset = fc.integer({ min: -4, max: 4 });

/** `isWhole`: whether a window that ends here holds all rows of its time, as the last one of those that cumulate does. */
const anyWindow = fc.oneof(
  fc.record({ size: fc.integer({ min: 5, max: 30 }), offset }).map((p) => ({
    text: `tumbling(${p.size}, ${p.offset})`,
    assigner: TumblingEventTimeWindows.of(p.size, p.offset),
    isWhole: (_endMs: number) => true,
    takesLateness: true,
  })),
  fc.record({ step: fc.integer({ min: 2, max: 8 }), steps: fc.integer({ min: 1, max: 4 }) }).map((p) => ({
    text: `cumulate(${p.step * p.steps}, ${p.step})`,
    assigner: CumulateEventTimeWindows.of(p.step * p.steps, p.step),
    isWhole: (endMs: number) => endMs % (p.step * p.steps) === 0,
    takesLateness: true,
  })),
  fc.record({ gap: fc.integer({ min: 2, max: 12 }) }).map((p) => ({
    text: `session(${p.gap})`,
    assigner: EventTimeSessionWindows.withGap(p.gap),
    isWhole: (_endMs: number) => true,
    // A late row may join sessions that gave their results alone: these are not taken back.
    takesLateness: false,
  })),
);

interface Totals {
  rows: number;
  sum: number;
}

export interface LateProgram extends Program {
  /** What is wrong with the rows of windows and late rows that a run gave. */
  complaints(sinks: ReadonlyMap<string, readonly string[]>): string[];
}

const anySplit = fc.record({
  rows: fc
    .array(
      fc.record({
        k: fc.constantFrom("a", "b", null),
        v: fc.integer({ min: -9, max: 9 }),
        t: fc.integer({ min: -15, max: 60 }),
        delay: fc.constantFrom(0, 0, 2, 30),
      }),
      { maxLength: 16, size: "max" },
    )
    .map((rows) => rows.sort((a, b) => a.t + a.delay - b.t - b.delay)),
  napBefore: fc.option(fc.nat(12), { nil: undefined }),
});

export const anyLateProgram: fc.Arbitrary<LateProgram> = fc
  .record({
    splits: fc.array(anySplit, { minLength: 1, maxLength: 3, size: "max" }),
    hasOffsets: fc.boolean(),
    boundMs: fc.constantFrom(0, 3),
    isKeyed: fc.boolean(),
    window: anyWindow,
    latenessMs: fc.constantFrom(0, 0, 7),
    isFunction: fc.boolean(),
    isReadInTurn: fc.boolean(),
  })
  .map(({ splits, hasOffsets, boundMs, isKeyed, window, latenessMs, isFunction, isReadInTurn }) => {
    let id = 0;
    const scripted = splits.map(({ rows, napBefore }): ScriptedSplit => {
      const numbered = rows.map(({ k, v, t }) => ({ id: id++, k: isKeyed ? k : "all", v, t }));
      return napBefore === undefined ? { rows: numbered, hasOffsets } : { rows: numbered, hasOffsets, napBefore };
    });
    const source: DagSource = {
      splits: scripted,
      disorderMs: boundMs,
      generator: "bounded",
      isIdleAware: true,
      isAligned: false,
      isReadInTurn,
    };
    const isAgain = window.takesLateness && latenessMs > 0;
    const step = windowWithLate(window, isKeyed, isAgain ? latenessMs : undefined, isFunction);
    const program: Program = {
      sources: [source],
      nodes: [
        { step, from: [0, 0], readsSide: false, isSunk: true, placing: {} },
        { step: passOn, from: [1, 0], readsSide: true, isSunk: true, placing: {} },
        // A step without state right behind the source, for what it sees of event time.
        { step: passOn, from: [0, 0], readsSide: false, isSunk: true, placing: {} },
      ],
      ends: [],
    };
    const all = scripted.flatMap(({ rows }) => rows);
    const late: LateProgram = {
      ...program,
      complaints: (sinks) => {
        const windows = (sinks.get("s0") ?? []).map(parse);
        const left = totalsByKey(all);
        const complaints: string[] = [];
        const final = new Map<string, Parsed>();
        for (const result of windows) {
          const name = `${result.k} up to ${result.t + 1}`;
          const before = final.get(name);
          if (before !== undefined && !isAgain) complaints.push(`the window of ${name} gave two results`);
          if (window.isWhole(result.t + 1) && (before === undefined || before.v < result.v)) final.set(name, result);
        }
        for (const { k, v, id: total } of final.values()) take(left, k, { rows: v, sum: total }, complaints);
        for (const { k, v } of (sinks.get("s1") ?? []).map(parse)) take(left, k, { rows: 1, sum: v }, complaints);
        for (const [k, { rows, sum: rest }] of left) {
          if (rows !== 0 || rest !== 0) complaints.push(`of key ${k}, ${rows} rows with the sum ${rest} are nowhere`);
        }
        return complaints;
      },
    };
    return Object.assign(late, { [fc.toStringMethod]: () => programText(program) });
  });

let tags = 0;

function windowWithLate(
  { text, assigner }: { readonly text: string; readonly assigner: WindowAssigner },
  isKeyed: boolean,
  latenessMs: number | undefined,
  isFunction: boolean,
): DagStep {
  const late = new OutputTag(`too late ${tags++}`, events);
  let aggregated: Pick<EventStream, "getSideOutput">;
  return {
    inputs: 1,
    text: ([s]) =>
      `${s}${isKeyed ? '.keyBy("k").window' : ".windowAll"}(${text})${latenessMs === undefined ? "" : `.allowedLateness(${latenessMs})`}.sideOutputLateData(side).${isFunction ? "process" : "aggregate"}(sum, count)`,
    meaning: () => [],
    build: ([s]) => {
      const windows = isKeyed
        ? s.keyBy("k").window(assigner)
        : (s.windowAll(assigner) as unknown as WindowedStream<EventFields, "k">);
      const patient = latenessMs === undefined ? windows : windows.allowedLateness(latenessMs);
      const complete = patient.sideOutputLateData(late);
      if (isFunction) {
        const processed = complete.process(
          (k, { window }, rows) => {
            const total = rows.reduce((all, { v }) => all + big(v), 0n);
            const t = BigInt(window.endMs - 1);
            return [{ id: total, k: isKeyed ? k : "all", v: BigInt(rows.length), t }];
          },
          { schema: events },
        );
        aggregated = processed as never as EventStream;
        return processed as never as EventStream;
      }
      aggregated = complete.aggregate({ total: sum("v"), n: count() });
      return selected(aggregated, {
        id: col("total"),
        k: isKeyed ? col("k") : lit("all"),
        v: col("n"),
        t: col("windowEnd").toEpoch("ms").sub(1n),
      });
    },
    side: { meaning: () => [], of: () => aggregated.getSideOutput(late) },
  };
}

const passOn: DagStep = {
  inputs: 1,
  text: ([s]) => `${s}.filter(true)`,
  meaning: ([rows]) => rows,
  build: ([s]) => s.filter(col("t").isNotNull()),
};

interface Parsed {
  readonly id: number;
  readonly k: string;
  readonly v: number;
  readonly t: number;
}

function parse(text: string): Parsed {
  const [, id, k, v, t] = /^(-?\d+) (\w+) (-?\d+) @(-?\d+)$/.exec(text) ?? [];
  if (t === undefined) throw new Error(text);
  return { id: Number(id), k, v: Number(v), t: Number(t) };
}

function totalsByKey(rows: readonly { readonly k: string | null; readonly v: number }[]): Map<string, Totals> {
  const totals = new Map<string, Totals>();
  for (const { k, v } of rows) {
    const entry = totals.get(`${k}`) ?? { rows: 0, sum: 0 };
    totals.set(`${k}`, { rows: entry.rows + 1, sum: entry.sum + v });
  }
  return totals;
}

function take(left: Map<string, Totals>, k: string, taken: Totals, complaints: string[]): void {
  const entry = left.get(k);
  if (entry === undefined) complaints.push(`nothing came for the key ${k}`);
  else left.set(k, { rows: entry.rows - taken.rows, sum: entry.sum - taken.sum });
}
