import { checkCallable } from "../../api/check-function.ts";
import { checkedOptions } from "../../api/options.ts";
import type { Host } from "../../core/host.ts";
import { Schema } from "../../core/schema.ts";
import type { Sink } from "../../core/sink.ts";
import type { Source } from "../../core/source.ts";
import { int64, utf8 } from "../../core/types.ts";
import { whole } from "../../datastream/arguments.ts";
import { loadEngine } from "../engine-thread.ts";
import { checkedModel, type FaultModel, faultKinds } from "./fault-model.ts";
import { FaultSearch } from "./fault-search.ts";
import type { CheckedJob } from "./faulted-run.ts";
import { FaultySink } from "./faulty-sink.ts";
import { parseReplay } from "./replay.ts";
import { withSharedWork } from "./shared-work.ts";
import type { FaultReport } from "./statistics.ts";

export interface ConformanceOptions {
  /** Faulted runs. Default 300. */
  readonly runs?: number;
  readonly seed?: number;
  /** Default `faults.all()`. */
  readonly faults?: FaultModel;
  /** What a failed check has printed. */
  readonly replay?: string | undefined;
}

/** A sink of one's own, and the outside system that it writes to, or a model of that. */
export interface SinkUnderTest<S> {
  /** The system as one run finds it; it outlives crashes of the machine. */
  readonly system: () => S;
  /** The sink of a process: once per start of the job. */
  readonly sink: (system: S, host: Host) => Sink;
  /** What everybody sees of the rows, in any order: { n: bigint, text: string }, as objects of their own. */
  readonly read: (system: S, host: Host) => readonly object[];
}

/** A source of one's own, and the outside system that it reads. */
export interface SourceUnderTest<S> {
  readonly system: () => S;
  /** A bounded source. */
  readonly source: (system: S, host: Host) => Source;
}

const DEFAULT_RUNS = 300;
const MOST_RUNS = 100_000_000;
const ROW_COUNT = 12;
/** What a sink is given. */
export const CONFORMANCE_ROWS = Schema.of({ n: int64, text: utf8 });

/**
 * Checks connectors of one's own: jobs that do nothing but read or write with them, on machines that fail.
 * Each throws FaultCheckError with the smallest case that it has found.
 */
export const conformance = {
  /**
   * A sink in two phases: nothing is visible early, nothing is lost and nothing is there twice, whether a commit comes
   * again, its outcome is unknown, it comes together with later ones, its checkpoint has no rows, a job is restored at
   * another parallelism, or a run that was taken for dead commits.
   * @throws {FaultCheckError} {PlanError} OPTION_INVALID, OPTION_UNKNOWN, FUNCTION_INVALID, REPLAY_INVALID
   */
  sink<S>(under: SinkUnderTest<S>, options: ConformanceOptions = {}): Promise<FaultReport> {
    for (const name of ["system", "sink", "read"] as const) checkCallable("conformance.sink", under?.[name], name);
    const rows = Array.from({ length: ROW_COUNT }, (_, i) => ({ n: BigInt(i), text: `row ${i}` }));
    const job: CheckedJob = {
      schemas: { rows: CONFORMANCE_ROWS },
      system: {
        create: under.system,
        read: (system, host) =>
          new Map([
            ["rows", under.read(system as S, host).map((row) => ({ row: row as Record<string, unknown>, change: 1 }))],
          ]),
      },
      build: (environment, inputs, _, { system, client }) => {
        const sink = new FaultySink(under.sink(system as S, client.host), client);
        environment.fromSource(inputs.rows).uid("rows").addSink(sink, { uid: "sink" });
      },
    };
    return check("conformance.sink", job, { rows }, options);
  },

  /**
   * A bounded source: each row comes once, whatever is restored and at which parallelism, also where a run ends before
   * its first checkpoint, and where two restores have nothing new between them.
   * @throws {FaultCheckError} {PlanError} OPTION_INVALID, OPTION_UNKNOWN, FUNCTION_INVALID, REPLAY_INVALID
   */
  source<S>(under: SourceUnderTest<S>, options: ConformanceOptions = {}): Promise<FaultReport> {
    for (const name of ["system", "source"] as const) checkCallable("conformance.source", under?.[name], name);
    const job: CheckedJob = {
      schemas: {},
      system: { create: under.system, read: () => new Map() },
      build: (environment, _, outputs, { system, client }) => {
        const source = under.source(system as S, client.host) as Parameters<typeof environment.fromSource>[0];
        environment.fromSource(source).uid("source").addSink(outputs.sink("rows"), { uid: "sink" });
      },
    };
    return check("conformance.source", job, {}, options);
  },
};

async function check(
  name: string,
  job: CheckedJob,
  rows: Readonly<Record<string, readonly object[]>>,
  options: ConformanceOptions,
): Promise<FaultReport> {
  const { runs, seed, faults, replay } = checkedOptions(name, options, ["runs", "seed", "faults", "replay"]);
  const plan = {
    rows,
    runs: whole("runs", runs ?? DEFAULT_RUNS, 1, MOST_RUNS),
    seed: whole("seed", seed ?? 1, -(2 ** 31), 2 ** 32),
  };
  const given = replay === undefined || replay === "" ? undefined : parseReplay(replay, Object.keys(rows));
  await loadEngine();
  const search = new FaultSearch(job, { model: checkedModel(faults ?? faultKinds.all()), expect: undefined });
  return withSharedWork(() => (given === undefined ? search.search(plan) : search.replay(given)));
}
