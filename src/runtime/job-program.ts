import type { Host } from "../core/host.ts";
import type { AccumulatorState } from "../core/rows/accumulators.ts";
import type { JobGraph } from "./job-graph.ts";

/**
 * From which a worker thread builds a job's graph again, functions and all: plain data, which only whoever wrote it
 * understands. Functions cannot travel between threads; the module that makes them can be imported on each.
 */
export interface ProgramSpec {
  /** For errors: the URL of the job module. */
  readonly module: string;
  readonly [key: string]: unknown;
}

/** A job's program as it is deployed. */
export interface JobProgram {
  readonly spec: ProgramSpec;
  /** Of the graph that the planning thread built (`graphShape`): that of each worker must have the same. */
  readonly shape: readonly string[];
}

/** What a worker thread has built. */
export interface BuiltProgram {
  readonly graph: JobGraph;
  /** What functions of a job have added to accumulators on this thread. */
  accumulators(job: string): AccumulatorState[];
}

export type ProgramBuilder = (spec: ProgramSpec, host: Host) => Promise<BuiltProgram>;
