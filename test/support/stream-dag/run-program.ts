import { connectorRegistry } from "../../../src/connectors/registry.ts";
import type { Batch } from "../../../src/core/batch.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import type { Host } from "../../../src/core/host.ts";
import type { JobSnapshot } from "../../../src/core/job-snapshot.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import type { DataStream } from "../../../src/datastream/data-stream.ts";
import { StreamExecutionEnvironment } from "../../../src/datastream/stream-execution-environment.ts";
import { WatermarkStrategy } from "../../../src/datastream/watermark-strategy.ts";
import { kernelModule } from "../../../src/host/kernel-module.ts";
import type { StreamNode } from "../../../src/plan/stream/stream-node.ts";
import { planStream } from "../../../src/plan/stream/stream-planner.ts";
import { Engine } from "../../../src/runtime/engine.ts";
import type { RunningStream } from "../../../src/runtime/running-stream.ts";
import type { SimulationMemories } from "../../../src/testing/faults/engine-shelf.ts";
import { Simulation } from "../../../src/testing/simulation.ts";
import { DeadlockError } from "../../../src/testing/simulation-errors.ts";
import { withMemories } from "../with-memories.ts";
import { type Committed, committingSink } from "./committing-sink.ts";
import { type Event, type EventFields, type EventStream, eventText, type Place, rowText } from "./events.ts";
import {
  type DagSource,
  endInputsOf,
  inputsOf,
  type Placing,
  type Program,
  streamName,
  sunkStreams,
} from "./program.ts";
import { type Reading, scriptedSource, type WatchedReading } from "./scripted-source.ts";
import { type TakenTimes, TimeWatch } from "./watched-operator.ts";

/** How a program is run; none of it may change what it gives. */
export interface RunSettings {
  readonly mode: "streaming" | "batch";
  readonly parallelism: number;
  readonly threads: number;
  readonly batchRows: number;
  readonly bufferTimeoutMs: number;
  /** How long barriers wait for the rows before them; absent: as long as it takes. */
  readonly alignedTimeoutMs?: number;
  /** Batches that a queue holds. */
  readonly queueBatches: number;
  readonly chaining: boolean;
  /** Steps have parallelism and chaining of their own, as the program says. */
  readonly isPlaced: boolean;
  /** Event time is looked at in every operator, on one thread. */
  readonly isWatched: boolean;
  readonly reading: Reading;
  /** Sinks are fed by `rebalance()`: barriers may overtake what waits for them. */
  readonly dealsToSinks?: boolean;
  /** That a write to a sink takes. */
  readonly writeMs: number;
  readonly tape: readonly number[];
  /** Of the simulated clock: more makes slices of work shorter. */
  readonly clockReadMs: number;
}

export interface Continuation {
  readonly snapshot: JobSnapshot;
  readonly times: TakenTimes;
  /** Of this run and those before it, by then. */
  readonly committed: Committed;
}

export interface RunOutcome {
  /** Rows of each sink as text, sorted. */
  readonly sinks: Map<string, string[]>;
  readonly violations: readonly string[];
  /** Where the job could be restored, if the snapshot that was asked for was taken. */
  readonly taken?: Continuation;
  readonly committed: Committed;
}

export interface RunOptions {
  /** Takes a snapshot at the batch of this number that is read. */
  readonly snapshotAtRead?: number;
  /** The job stops where the snapshot is taken. */
  readonly stops?: boolean;
  readonly restore?: Continuation;
  /** What the run before has committed; without it, the snapshot alone tells what was. */
  readonly committedBefore?: Committed;
  /** Rows may come behind the watermark. */
  readonly expectsLate?: boolean;
}

const MAX_PARALLELISM = 12;
const IDLENESS_MS = 50;
let runs = 0;

/** Runs a program on a simulated machine to its end. @throws where it fails, or stops to make progress */
export const runProgram = (program: Program, settings: RunSettings, options: RunOptions = {}): Promise<RunOutcome> =>
  withMemories((memories) => runOn(memories, program, settings, options));

async function runOn(
  memories: SimulationMemories,
  program: Program,
  settings: RunSettings,
  { snapshotAtRead, stops = false, restore, committedBefore, expectsLate = false }: RunOptions,
): Promise<RunOutcome> {
  const simulation = new Simulation({
    threadEntry: memories.threadEntry,
    tape: settings.tape,
    clockReadMs: settings.clockReadMs,
    parallelism: settings.threads,
    stepLimit: 300_000,
  });
  const committed: Committed = new Map(committedBefore);
  const watch = new TimeWatch(restore?.times, expectsLate);
  let control: RunningStream | undefined;
  let snapshot: JobSnapshot | undefined;
  let committedThen: Committed = new Map();
  let reads = 0;
  const onRead = (): void => {
    if (reads++ !== snapshotAtRead) return;
    const taking = stops ? control?.stop(async () => undefined, false) : control?.checkpoint();
    taking?.then(
      (taken) => {
        snapshot = taken;
        committedThen = new Map(committed);
      },
      () => undefined, // the job has ended before
    );
  };
  const run = simulation.run(async (host) => {
    const nodes = sinkNodes(program, settings, host, committed, onRead);
    const { parallelism, mode, bufferTimeoutMs, chaining, alignedTimeoutMs } = settings;
    const planned = planStream(nodes, {
      parallelism,
      mode,
      bufferTimeoutMs,
      chaining,
      maxParallelism: MAX_PARALLELISM,
      watermarkIntervalMs: 20,
      hasCheckpoints: true,
      ...(alignedTimeoutMs === undefined ? {} : { alignedTimeoutMs }),
    });
    const graph = settings.isWatched ? watch.watch(planned) : planned;
    const engine = await Engine.start(host, connectorRegistry, kernelModule(), settings.threads, memories.take());
    try {
      await engine.run(graph, {
        memoryBytes: 1 << 27,
        batchRows: settings.batchRows,
        queueBatches: settings.queueBatches,
        onRunning: (running) => {
          control = running;
        },
        ...(restore === undefined ? {} : { restore: restore.snapshot }),
      });
    } finally {
      await engine.close();
    }
  });
  await run.catch(async (thrown: unknown) => {
    if (!(thrown instanceof DeadlockError)) throw thrown;
    throw new Error(`The job is in a deadlock:\n  ${(await waits(control)).join("\n  ")}`, { cause: thrown });
  });
  return {
    sinks: finalRows(program, committed),
    violations: watch.violations,
    committed,
    ...(snapshot === undefined ? {} : { taken: { snapshot, times: watch.taken, committed: committedThen } }),
  };
}

/** What each subtask that has not finished waits for. */
async function waits(control: RunningStream | undefined): Promise<string[]> {
  const subtasks = (await control?.watermarks()) ?? [];
  return subtasks.flatMap(({ vertexName, subtask, waitsFor }) =>
    waitsFor === undefined ? [] : [`${vertexName}, subtask ${subtask}, waits for ${waitsFor}`],
  );
}

function sinkNodes(
  program: Program,
  settings: RunSettings,
  host: Host,
  committed: Committed,
  onRead: () => void,
): StreamNode[] {
  const run = ++runs;
  const env = StreamExecutionEnvironment.create({ host, parallelism: settings.parallelism });
  const { sunk, ends } = buildProgram(program, env, {
    reading: { ...settings.reading, onRead },
    isPlaced: settings.isPlaced,
    host,
  });
  return [
    ...sunk.map(([name, stream]) =>
      sinkNode(stream as never, committingSink(name, eventTexts, run, committed, settings.writeMs), settings),
    ),
    ...ends.map(([name, stream]) =>
      sinkNode(stream, committingSink(name, changeTexts, run, committed, settings.writeMs), settings),
    ),
  ];
}

/** How a program is told to the API. */
export interface Telling {
  readonly reading: WatchedReading;
  readonly isPlaced: boolean;
  readonly host: Host;
}

/** The streams of a program that end somewhere, by name. */
export function buildProgram(
  program: Program,
  env: StreamExecutionEnvironment,
  { reading, isPlaced, host }: Telling,
): { readonly sunk: [string, EventStream][]; readonly ends: [string, DataStream][] } {
  const streams: EventStream[] = program.sources.map((source, i) =>
    env.fromSource(
      scriptedSource(`source${i}`, source.splits, reading, source.isReadInTurn === true),
      strategyOf(source),
    ),
  );
  const at = ({ parallelism, chaining }: Placing): Place => {
    return (stream) => {
      if (!isPlaced) return stream;
      const spread = parallelism === undefined ? stream : stream.setParallelism(parallelism);
      if (chaining === undefined) return spread;
      if (chaining === "grouped") return spread.slotSharingGroup("own");
      return chaining === "head" ? spread.startNewChain() : spread.disableChaining();
    };
  };
  const sides: (EventStream | undefined)[] = streams.map(() => undefined);
  for (const [i, { step, placing }] of program.nodes.entries()) {
    const inputs = inputsOf(program, i).map(({ stream, isSide }) => (isSide && sides[stream]) || streams[stream]);
    const built = step.build(inputs, at(placing), host);
    streams.push(built);
    sides.push(step.side?.of(built));
  }
  return {
    sunk: sunkStreams(program).map((stream) => [streamName(program, stream), streams[stream]]),
    ends: program.ends.map(({ end, placing }, i) => {
      const inputs = endInputsOf(program, i).map((stream) => streams[stream]);
      return [`end${i}`, end.build(inputs, at(placing))];
    }),
  };
}

function sinkNode(
  { plan }: DataStream,
  sink: ReturnType<typeof committingSink>,
  { dealsToSinks }: RunSettings,
): StreamNode {
  const { node } = plan;
  if (node === undefined) throw new Error("the columns of every step are declared");
  return {
    op: "sink",
    sink,
    isLocal: true,
    schema: node.schema,
    name: sink.description,
    inputs: [{ node, route: { kind: dealsToSinks === true ? "rebalance" : "any" } }],
    isUpdating: false,
  };
}

function strategyOf({ generator, disorderMs, isIdleAware, isAligned }: DagSource): WatermarkStrategy<EventFields> {
  const made = {
    bounded: () => WatermarkStrategy.boundedOutOfOrderness<EventFields>(disorderMs).withTimestamps("t"),
    none: () => WatermarkStrategy.noWatermarks<EventFields>().withTimestamps("t"),
    custom: () =>
      WatermarkStrategy.custom<EventFields>(() => ({
        onEvent: (_, timeMs, output) => output.emitWatermark(timeMs - disorderMs - 1),
      })).withTimestamps((row) => Number(row.t)),
  }[generator]();
  const idle = isIdleAware ? made.withIdleness(IDLENESS_MS) : made;
  return isAligned ? idle.withAlignment("all", 10) : idle;
}

/** Rows of a stream of events, with a complaint where the time of a row is not what its column says. */
function eventTexts(batch: Batch, workspace: Workspace): string[] {
  const at = batch.rowTimes?.data;
  return readRows(workspace, batch).map((row, i) => {
    const { id, k, v, t } = row as Record<string, unknown>;
    const timeMs = at === undefined ? "none" : workspace.i64[(at >>> 3) + i];
    const text = eventText({ id: Number(id), k: k as Event["k"], v: Number(v), t: Number(t) });
    return timeMs === t ? text : `${text} with the row time ${timeMs}`;
  });
}

/** Rows of a changelog, marked where they are taken back. */
function changeTexts(batch: Batch, workspace: Workspace): string[] {
  const kinds = batch.rowKinds?.data;
  return readRows(workspace, batch).map((row, i) => {
    const isTakenBack = kinds !== undefined && (workspace.i8[kinds + i] & 1) === 1;
    return `${isTakenBack ? "-" : "+"}${rowText(row)}`;
  });
}

function finalRows(program: Program, committed: Committed): Map<string, string[]> {
  const rows = new Map<string, string[]>(sunkStreams(program).map((stream) => [streamName(program, stream), []]));
  for (const i of program.ends.keys()) rows.set(`end${i}`, []);
  for (const { sink, rows: more } of committed.values()) rows.get(sink)?.push(...more);
  for (const i of program.ends.keys()) rows.set(`end${i}`, folded(rows.get(`end${i}`) ?? []));
  for (const each of rows.values()) each.sort();
  return rows;
}

/** What a changelog leaves, in any order of its rows. */
function folded(changes: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const change of changes) {
    const text = change.slice(1);
    counts.set(text, (counts.get(text) ?? 0) + (change.startsWith("-") ? -1 : 1));
  }
  return [...counts].flatMap(([text, count]) =>
    count < 0 ? [`${text} taken back ${-count} times too often`] : Array<string>(count).fill(text),
  );
}
