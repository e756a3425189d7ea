import { PlanError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { AccumulatorSet } from "../core/rows/accumulators.ts";
import type { Schema } from "../core/schema.ts";
import type { Sink } from "../core/sink.ts";
import type { Json, Source } from "../core/source.ts";
import type { Fields } from "../core/types.ts";
import { kernelModule } from "../host/kernel-module.ts";
import { nodeHost } from "../host/node-host.ts";
import { explain } from "../plan/explain.ts";
import type { LogicalNode } from "../plan/logical.ts";
import { sinkNode, sourceNode } from "../plan/nodes.ts";
import { optimize } from "../plan/optimize.ts";
import { planJob } from "../plan/planner.ts";
import { estimateBytes } from "../plan/statistics.ts";
import { BatchStore } from "../runtime/batch-store.ts";
import { ResultSink } from "../runtime/result-sink.ts";
import { DataSet } from "./dataset.ts";
import { EnginePool } from "./engine-pool.ts";
import type { JobContext, JobOutput, JobResult } from "./job-context.ts";
import { PlanHandle } from "./plan-handle.ts";

export interface EnvironmentOptions {
  /** Worker threads that a job may use; 1 runs it on the calling thread. Default: the machine's hardware threads. */
  readonly parallelism?: number;
  /** Memory that a job may use before it spills to disk, in bytes. Default: half of the machine's. */
  readonly memoryBytes?: number;
  /** Rows per batch to aim at. Default 8,192. */
  readonly batchRows?: number;
  /** Values that functions of the job can read. */
  readonly parameters?: Readonly<Record<string, Json>>;
}

const DEFAULT_BATCH_ROWS = 8192;
const MINIMUM_MEMORY_BYTES = 16 * 1024 * 1024;
/** Below this many bytes of input, starting threads costs more than they save. */
const SMALL_INPUT_BYTES = 8 * 1024 * 1024;

/**
 * Where batch jobs begin: reads sources as datasets and runs what was built on them.
 * @example
 * const env = ExecutionEnvironment.create();
 * await env.readParquet("flights.parquet").groupBy("origin").aggregate({ flights: count() }).show();
 */
export class ExecutionEnvironment {
  readonly parallelism: number;
  readonly memoryBytes: number;
  readonly batchRows: number;
  readonly parameters: Readonly<Record<string, Json>>;
  readonly #engines: EnginePool;
  readonly #isParallelismGiven: boolean;
  readonly #pendingSinks: { handle: PlanHandle; sink: Sink }[] = [];
  readonly #accumulators = new Map<string, AccumulatorSet>();
  readonly #context: JobContext;

  private constructor(host: Host, engines: EnginePool, options: EnvironmentOptions) {
    this.#engines = engines;
    this.#isParallelismGiven = options.parallelism !== undefined;
    this.parallelism = checked("parallelism", options.parallelism ?? host.availableParallelism, 1, 1024);
    this.memoryBytes = checked(
      "memoryBytes",
      options.memoryBytes ?? Math.floor(host.totalMemoryBytes / 2),
      MINIMUM_MEMORY_BYTES,
      Number.MAX_SAFE_INTEGER,
    );
    this.batchRows = checked("batchRows", options.batchRows ?? DEFAULT_BATCH_ROWS, 1, 1 << 24);
    this.parameters = options.parameters ?? {};
    this.#context = {
      host,
      parameters: this.parameters,
      run: (outputs, signal) => this.#runToCaller(outputs, signal),
      addSink: (handle, sink) => {
        this.#pendingSinks.push({ handle, sink });
      },
      explain: (nodes, format) => this.#explain(nodes, format),
      accumulators: (jobId) => this.#accumulatorsOf(jobId),
      newStore: (schema) => new BatchStore(kernelModule(), schema),
    };
  }

  /** @throws {PlanError} OPTION_INVALID */
  static create(options: EnvironmentOptions = {}): ExecutionEnvironment {
    return new ExecutionEnvironment(nodeHost(), sharedEngines(), options);
  }

  /** A dataset over any source, such as a connector of one's own. */
  fromSource<F extends Fields = Fields>(source: Source & { readonly schema: Schema<F> }): DataSet<F> {
    return this.#dataSet(source, false);
  }

  /**
   * Runs everything that was written with `write*` or `output` since the last call, as one job: shared steps run once,
   * and either all outputs become visible or none of those that did not.
   * @throws {PlanError} NOTHING_TO_EXECUTE
   */
  async execute(options: { signal?: AbortSignal } = {}): Promise<JobResult> {
    const pending = this.#pendingSinks.splice(0);
    if (pending.length === 0) {
      throw new PlanError(
        "NOTHING_TO_EXECUTE",
        "execute() was called, but nothing was written since the last call.",
        "Call a write method of a dataset first, or collect(), count() or show() for a result in memory.",
      );
    }
    const roots = await Promise.all(pending.map(async ({ handle, sink }) => sinkNode(await handle.resolve(), sink)));
    return this.#run(roots, options.signal);
  }

  /** Ends the idle worker threads of all environments of this process; later jobs start new ones. */
  static async shutdown(): Promise<void> {
    await sharedEngines().close();
  }

  #dataSet<F extends Fields>(source: Source, pinned: boolean): DataSet<F> {
    return new DataSet<F>(this.#context, PlanHandle.of(sourceNode(source, pinned)));
  }

  async #runToCaller(outputs: readonly JobOutput[], signal?: AbortSignal): Promise<JobResult> {
    const roots = outputs.map(async ({ plan, take }) => sinkNode(await plan.resolve(), new ResultSink(take), true));
    return this.#run(await Promise.all(roots), signal);
  }

  async #run(roots: readonly LogicalNode[], signal?: AbortSignal): Promise<JobResult> {
    const optimized = optimize(roots);
    const parallelism = this.#parallelismOf(optimized);
    const graph = planJob(optimized, parallelism);
    const engine = await this.#engines.acquire(parallelism);
    try {
      const outcome = await engine.run(graph, {
        memoryBytes: this.memoryBytes,
        batchRows: this.batchRows,
        ...(signal === undefined ? {} : { signal }),
      });
      const accumulators = this.#accumulators.get(outcome.jobId)?.values() ?? [];
      this.#accumulators.delete(outcome.jobId);
      return { ...outcome, accumulators: Object.fromEntries(accumulators) };
    } finally {
      this.#engines.release(engine);
    }
  }

  #accumulatorsOf(jobId = ""): AccumulatorSet {
    let set = this.#accumulators.get(jobId);
    if (set === undefined) {
      set = new AccumulatorSet();
      this.#accumulators.set(jobId, set);
    }
    return set;
  }

  #explain(nodes: readonly LogicalNode[], format: "text" | "json"): string {
    const optimized = optimize(nodes);
    const graph = planJob(optimized, this.#parallelismOf(optimized));
    return explain(nodes, optimized, graph, format);
  }

  /** Small inputs run on the calling thread unless a parallelism was asked for. */
  #parallelismOf(roots: readonly LogicalNode[]): number {
    if (this.#isParallelismGiven) return this.parallelism;
    let bytes = 0;
    const visit = (node: LogicalNode): void => {
      if (node.op === "source")
        bytes += node.source.statistics.bytes ?? estimateBytes(node) ?? Number.POSITIVE_INFINITY;
      for (const input of node.inputs) visit(input);
    };
    for (const root of roots) visit(root);
    return bytes <= SMALL_INPUT_BYTES ? 1 : this.parallelism;
  }
}

let engines: EnginePool | undefined;

function sharedEngines(): EnginePool {
  engines ??= new EnginePool(nodeHost(), kernelModule);
  return engines;
}

function checked(name: string, value: number, low: number, high: number): number {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw new PlanError(
    "OPTION_INVALID",
    `The option ${name} is ${value}.`,
    `Give a whole number from ${low} to ${high}, or leave it out for the default.`,
  );
}
