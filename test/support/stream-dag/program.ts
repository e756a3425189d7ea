import fc from "fast-check";
import { anyArrivalStep } from "./arrival-steps.ts";
import { anyEnd } from "./ends.ts";
import { type DagEnd, type DagStep, type Event, eventText } from "./events.ts";
import { anyLookupStep } from "./lookup-steps.ts";
import { anyProcessStep } from "./process-steps.ts";
import { anyMove, anyRowStep } from "./row-steps.ts";
import type { ScriptedSplit } from "./scripted-source.ts";
import { anySharedWindowStep } from "./shared-window-steps.ts";
import { anyWindowFunction } from "./window-function-steps.ts";
import { anyWindowStep } from "./window-steps.ts";

/** Rows of any two splits of a source overlap in time; those of a split come late by `disorderMs` at most. */
export interface DagSource {
  readonly splits: readonly ScriptedSplit[];
  readonly disorderMs: number;
  readonly generator: "bounded" | "custom" | "none";
  readonly isIdleAware: boolean;
  readonly isAligned: boolean;
  /** One split behind the other, whatever their times: rows of the later ones may be late. */
  readonly isReadInTurn?: boolean;
}

export interface Placing {
  readonly parallelism?: number;
  readonly chaining?: "head" | "never" | "grouped";
}

interface DagNode {
  readonly step: DagStep;
  /** Streams that it reads: sources first, then the nodes before it, in a circle. */
  readonly from: readonly [number, number];
  /** Reads the side output of an earlier node instead of the main one, where it has one. */
  readonly readsSide: boolean;
  readonly isSunk: boolean;
  readonly placing: Placing;
}

/** A random streaming program: printable as code, with a meaning of its own, and buildable with the API. */
export interface Program {
  readonly sources: readonly DagSource[];
  readonly nodes: readonly DagNode[];
  readonly ends: readonly {
    readonly end: DagEnd;
    readonly from: readonly [number, number];
    readonly placing: Placing;
  }[];
}

const LAST_MS = 60;

const anySplit = (disorderMs: number): fc.Arbitrary<Omit<Event, "id">[]> =>
  fc
    .array(
      fc.record({
        k: fc.constantFrom("a", "b", "c", "d", null),
        v: fc.integer({ min: -9, max: 9 }),
        t: fc.integer({ min: -15, max: LAST_MS }),
        delay: fc.nat(disorderMs),
      }),
      { maxLength: 10, size: "max" },
    )
    .map((rows) => rows.sort((a, b) => a.t + a.delay - b.t - b.delay).map(({ k, v, t }) => ({ k, v, t })));

const anySource = fc.constantFrom(0, 3, 8).chain((disorderMs) =>
  fc.record({
    disorderMs: fc.constant(disorderMs),
    /** Many rows of one time, and times that are as far apart as the bounds of a join. */
    gridMs: fc.constantFrom(1, 1, 6),
    splits: fc.array(anySplit(disorderMs), { minLength: 1, maxLength: 3, size: "max" }),
    generator: fc.constantFrom("bounded" as const, "bounded" as const, "custom" as const, "none" as const),
    isIdleAware: fc.boolean(),
    hasOffsets: fc.boolean(),
    isAligned: fc.boolean(),
  }),
);

const anyPlacing: fc.Arbitrary<Placing> = fc.record(
  {
    parallelism: fc.constantFrom(1, 2, 3),
    chaining: fc.constantFrom("head" as const, "never" as const, "grouped" as const),
  },
  { requiredKeys: [] },
);

const anyNode: fc.Arbitrary<DagNode> = fc.record({
  step: fc.oneof(
    anyRowStep,
    anyWindowStep,
    anyProcessStep,
    anyMove,
    anyWindowFunction,
    anySharedWindowStep,
    anyLookupStep,
    anyArrivalStep,
  ),
  from: fc.tuple(fc.nat(20), fc.nat(20)),
  readsSide: fc.constantFrom(false, false, false, true),
  isSunk: fc.constantFrom(false, false, true),
  placing: anyPlacing,
});

const anyLast = fc.record({ end: anyEnd, from: fc.tuple(fc.nat(20), fc.nat(20)), placing: anyPlacing });

export const anyProgram: fc.Arbitrary<Program> = fc
  .record({
    sources: fc.array(anySource, { minLength: 1, maxLength: 3, size: "max" }),
    nodes: fc.array(anyNode, { maxLength: 8, size: "max" }),
    ends: fc.array(anyLast, { maxLength: 2, size: "max" }),
  })
  .map(({ sources, nodes, ends }) => {
    let id = 0;
    const scripted = sources.map(
      ({ splits, hasOffsets, gridMs, ...rest }): DagSource => ({
        ...rest,
        splits: splits.map((rows) => ({
          // Rounded down, rows come no later behind each other than before, but for what the grid adds.
          rows: rows.map(({ t, ...row }) => ({ id: id++, ...row, t: Math.floor(t / gridMs) * gridMs })),
          hasOffsets,
        })),
        disorderMs: rest.disorderMs + (rest.disorderMs > 0 ? gridMs - 1 : 0),
      }),
    );
    const hasOrder = scripted.some((source) => source.splits.length === 1);
    const program = {
      sources: scripted,
      nodes: nodes.filter(({ step }) => hasOrder || step.needsOrder !== true),
      ends: ends.filter(({ end }) => hasOrder || end.needsOrder !== true),
    };
    return Object.assign(program, { [fc.toStringMethod]: () => programText(program) });
  });

export const streamName = ({ sources }: Program, stream: number): string =>
  stream < sources.length ? `source${stream}` : `s${stream - sources.length}`;

/** The streams that a node reads. */
export function inputsOf(program: Program, node: number): { stream: number; isSide: boolean }[] {
  const { step, from, readsSide } = program.nodes[node];
  return readBy(program, step, from, program.sources.length + node).map((stream) => {
    const isSide = readsSide && stream >= program.sources.length && sideOf(program, stream) !== undefined;
    return { stream, isSide };
  });
}

/** The streams that an end reads. */
export function endInputsOf(program: Program, end: number): number[] {
  const { end: step, from } = program.ends[end];
  return readBy(program, step, from, program.sources.length + program.nodes.length);
}

function readBy(
  { sources }: Program,
  { inputs, needsOrder }: Pick<DagStep, "inputs" | "needsOrder">,
  from: readonly number[],
  known: number,
): number[] {
  const all = Array.from({ length: known }, (_, stream) => stream);
  const readable = needsOrder === true ? all.filter((stream) => sources[stream]?.splits.length === 1) : all;
  return from.slice(0, inputs).map((each) => readable[each % readable.length]);
}

const sideOf = ({ sources, nodes }: Program, stream: number) => nodes[stream - sources.length]?.step.side;

/** Streams that have a sink: those that nothing reads, and some others. */
export function sunkStreams(program: Program): number[] {
  const { sources, nodes, ends } = program;
  const known = sources.length + nodes.length;
  const read = new Set([
    ...nodes.flatMap((_, i) => inputsOf(program, i).map(({ stream }) => stream)),
    ...ends.flatMap((_, i) => endInputsOf(program, i)),
  ]);
  return Array.from({ length: known }, (_, i) => i).filter(
    (stream) => !read.has(stream) || nodes[stream - sources.length]?.isSunk === true,
  );
}

/** What each sink must get, sorted; and how many rows the largest stream has. */
export function meaningOf(
  program: Program,
  isBatch = false,
): { readonly sinks: Map<string, string[]>; readonly mostRows: number } {
  const { sources, nodes, ends } = program;
  const streams: (readonly Event[])[] = sources.map(({ splits }) => splits.flatMap(({ rows }) => rows));
  const sides: (readonly Event[] | undefined)[] = sources.map(() => undefined);
  let mostRows = 0;
  for (const [i, { step }] of nodes.entries()) {
    const inputs = inputsOf(program, i).map(({ stream, isSide }) => (isSide ? sides[stream] : streams[stream]) ?? []);
    const rows =
      inputs.reduce((product, each) => product * Math.max(1, each.length), 1) > 1e6
        ? []
        : step.meaning(inputs, isBatch);
    streams.push(rows);
    sides.push(step.side?.meaning(inputs));
    mostRows = Math.max(mostRows, rows.length, ...inputs.map((each) => each.length));
  }
  const sinks = new Map<string, string[]>();
  for (const stream of sunkStreams(program)) {
    sinks.set(streamName(program, stream), streams[stream].map(eventText).sort());
  }
  for (const [i, { end }] of ends.entries()) {
    const inputs = endInputsOf(program, i).map((stream) => streams[stream]);
    if (inputs.some((rows) => rows.length > 1000)) continue; // too many rows, as mostRows says
    const rows = [...end.meaning(inputs, isBatch)].sort();
    sinks.set(`end${i}`, rows);
    mostRows = Math.max(mostRows, rows.length);
  }
  return { sinks, mostRows };
}

/** The program as code that a reader can follow. */
export function programText(program: Program): string {
  const lines: string[] = [""];
  for (const [i, source] of program.sources.entries()) {
    const { splits, disorderMs, generator, isIdleAware, isAligned, isReadInTurn } = source;
    const rows = splits.map(
      ({ rows: all, napBefore }) =>
        `[${all.map((row, at) => `${at === napBefore ? "zzz " : ""}${row.k}:${row.v}@${row.t}`).join(", ")}]`,
    );
    const time = `${generator} ${disorderMs}${isIdleAware ? ", idle" : ""}${isAligned ? ", aligned" : ""}${isReadInTurn === true ? ", in turn" : ""}`;
    lines.push(`source${i} = [${rows.join(", ")}] // ${time}`);
  }
  const chained = { head: ".startNewChain()", never: ".disableChaining()", grouped: '.slotSharingGroup("own")' };
  const placed = ({ parallelism, chaining }: Placing) =>
    `${parallelism === undefined ? "" : `.setParallelism(${parallelism})`}${chaining === undefined ? "" : chained[chaining]}`;
  for (const [i, { step, placing }] of program.nodes.entries()) {
    const inputs = inputsOf(program, i).map(
      ({ stream, isSide }) => `${streamName(program, stream)}${isSide ? ".side" : ""}`,
    );
    lines.push(`s${i} = ${step.text(inputs)}${placed(placing)}`);
  }
  for (const stream of sunkStreams(program)) lines.push(`${streamName(program, stream)}.addSink()`);
  for (const [i, { end, placing }] of program.ends.entries()) {
    const inputs = endInputsOf(program, i).map((stream) => streamName(program, stream));
    lines.push(`${end.text(inputs)}${placed(placing)}.addSink()`);
  }
  return lines.join("\n  ");
}
