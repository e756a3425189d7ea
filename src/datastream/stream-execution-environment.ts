import { checkedSource } from "../api/connector-contracts.ts";
import type { JobResult } from "../api/job-result.ts";
import { abortSignal, checkedOptions } from "../api/options.ts";
import { checkRollingTargets } from "../api/output-paths.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import type { FieldsOfRow } from "../api/row-types.ts";
import { UserSource } from "../api/user-connectors.ts";
import { MemorySource } from "../connectors/memory/memory-source.ts";
import { SequenceSource } from "../connectors/sequence/sequence-source.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { checkMaxParallelism, DEFAULT_MAX_PARALLELISM } from "../core/key-group.ts";
import { AccumulatorSet, type AccumulatorState } from "../core/rows/accumulators.ts";
import type { Schema } from "../core/schema.ts";
import type { Json, Source } from "../core/source.ts";
import type { Fields, SimpleType } from "../core/types.ts";
import { nodeHost } from "../host/node-host.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";
import { planStream } from "../plan/stream/stream-planner.ts";
import type { RestartStrategySpec } from "../runtime/restart-strategy.ts";
import { checkedInstance, checkedName, checkSnapshot, oneOf, whole } from "./arguments.ts";
import { type Checkpointing, type CheckpointOptions, checkpointing } from "./checkpointing.ts";
import { collectedRows, sampleRows } from "./collected-rows.ts";
import { DataStream } from "./data-stream.ts";
import { jobResult } from "./job-results.ts";
import type { ModuleScope } from "./module-scope.ts";
import { RestartStrategy, refuseRestarts, restartStrategyOf } from "./restart-strategies.ts";
import { checkRestoreOptions, type RestoreOptions } from "./restore-options.ts";
import { refuseUpdates } from "./sink-plans.ts";
import { unboundedSource } from "./sources-below.ts";
import { keyedStateOf, StateBackend, stateBackends } from "./state-backends.ts";
import { endIdleThreads } from "./stream-engines.ts";
import { StreamJob, type StreamJobHooks } from "./stream-job.ts";
import {
  DEFAULTS,
  ENVIRONMENT_OPTIONS,
  EXECUTE_OPTIONS,
  type ExecuteOptions,
  FAILOVER_STRATEGIES,
  type FailoverStrategy,
  MINIMUM_MEMORY_BYTES,
  RUNTIME_MODES,
  type RuntimeMode,
  type StreamEnvironmentOptions,
  type TimeCharacteristic,
} from "./stream-options.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";
import { runStream } from "./stream-runs.ts";
import { WatermarkStrategy } from "./watermark-strategy.ts";

/**
 * Where streaming jobs begin: reads sources as streams and runs what was built on them.
 * @example
 * const env = StreamExecutionEnvironment.create();
 * env.fromSource(clicks, WatermarkStrategy.boundedOutOfOrderness(5_000).withTimestamps("time"))
 *   .keyBy("userId").window(TumblingEventTimeWindows.of(60_000)).aggregate({ clicks: count() }).print();
 * await env.execute();
 */
export class StreamExecutionEnvironment {
  readonly maxParallelism: number;
  readonly memoryBytes: number;
  readonly batchRows: number;
  readonly parameters: Readonly<Record<string, Json>>;
  readonly #host: Host;
  #parallelism: number;
  #bufferTimeoutMs: number;
  #runtimeMode: RuntimeMode;
  #timeCharacteristic: TimeCharacteristic = "event";
  #chaining = true;
  #checkpointing: Checkpointing | undefined;
  #restartStrategy: RestartStrategy | undefined;
  #stateBackend = stateBackends.memory();
  #failoverStrategy: FailoverStrategy = "full";
  /** Where jobs of this environment keep checkpoints. */
  readonly #directories = new Set<string>();
  readonly #sinks: StreamPlan[] = [];
  readonly #accumulators = new Map<string, AccumulatorSet>();
  /** @internal For methods that stand in files of their own. */
  readonly context: StreamContext;
  /** Where a job module was given this environment. */
  readonly #scope: ModuleScope | undefined;

  private constructor(options: StreamEnvironmentOptions, scope?: ModuleScope) {
    this.#scope = scope;
    this.#host = options.host ?? nodeHost();
    this.#parallelism = whole("parallelism", options.parallelism ?? DEFAULTS.parallelism, 1, 1024);
    this.maxParallelism = options.maxParallelism ?? Math.max(DEFAULT_MAX_PARALLELISM, this.#parallelism);
    checkMaxParallelism(this.maxParallelism, this.#parallelism);
    this.#bufferTimeoutMs = whole("bufferTimeoutMs", options.bufferTimeoutMs ?? DEFAULTS.bufferTimeoutMs, 0, 3_600_000);
    const watermarkIntervalMs = whole(
      "watermarkIntervalMs",
      options.watermarkIntervalMs ?? DEFAULTS.watermarkIntervalMs,
      1,
      3_600_000,
    );
    this.memoryBytes = whole(
      "memoryBytes",
      options.memoryBytes ?? Math.floor(this.#host.totalMemoryBytes / 2),
      MINIMUM_MEMORY_BYTES,
      Number.MAX_SAFE_INTEGER,
    );
    this.batchRows = whole("batchRows", options.batchRows ?? DEFAULTS.batchRows, 1, 1 << 24);
    this.parameters = checkedParameters(options.parameters ?? {});
    this.#runtimeMode = oneOf("runtimeMode", options.runtimeMode ?? "STREAMING", RUNTIME_MODES);
    this.context = {
      host: this.#host,
      watermarkIntervalMs,
      parameters: this.parameters,
      state: (options) => keyedStateOf(this.#stateBackend, this.memoryBytes)(options),
      addSink: (plan) => {
        this.#sinks.push(plan);
      },
      sample: (probe, isEnough) => sampleRows((sinks, options) => this.#start(sinks, options), probe, isEnough),
      accumulators: (jobId) => this.#accumulatorsOf(jobId),
      collect: (plan) => {
        refuseRestarts(this.#restartStrategy);
        return collectedRows((sinks) => this.#start(sinks, {}, this.#scope), plan);
      },
      inference: () => scope?.inference() ?? ((sample) => sample()),
    };
  }

  /** @throws {PlanError} OPTION_INVALID, OPTION_UNKNOWN, MAX_PARALLELISM_INVALID */
  static create(options: StreamEnvironmentOptions = {}): StreamExecutionEnvironment {
    return new StreamExecutionEnvironment(checkedOptions("create", options, ENVIRONMENT_OPTIONS));
  }

  /**
   * Ends the worker threads that stay idle for the next stream of this process; threads of running jobs are not
   * affected. Later jobs start new ones.
   */
  static shutdown(): Promise<void> {
    return endIdleThreads();
  }

  /** @internal The environment that a job module is given. */
  static inModule(options: StreamEnvironmentOptions, scope: ModuleScope): StreamExecutionEnvironment {
    return new StreamExecutionEnvironment(options, scope);
  }

  get parallelism(): number {
    return this.#parallelism;
  }

  /** Of steps that are given no own one. @throws {PlanError} OPTION_INVALID, MAX_PARALLELISM_INVALID */
  setParallelism(parallelism: number): this {
    this.#parallelism = whole("parallelism", parallelism, 1, 1024);
    checkMaxParallelism(this.maxParallelism, parallelism);
    return this;
  }

  /** @throws {PlanError} OPTION_INVALID */
  setRuntimeMode(runtimeMode: RuntimeMode): this {
    this.#runtimeMode = oneOf("runtimeMode", runtimeMode, RUNTIME_MODES);
    return this;
  }

  /** How long rows may wait for others that go the same way, in milliseconds; 0 sends each batch at once. */
  setBufferTimeout(bufferTimeoutMs: number): this {
    this.#bufferTimeoutMs = whole("bufferTimeoutMs", bufferTimeoutMs, 0, 3_600_000);
    return this;
  }

  /**
   * Which time sources give rows that have no strategy of their own: "event" (default) none, "ingestion" the time of
   * reading, "processing" none either, since operators then ask the clock.
   * @throws {PlanError} OPTION_INVALID
   */
  setStreamTimeCharacteristic(characteristic: TimeCharacteristic): this {
    this.#timeCharacteristic = oneOf("setStreamTimeCharacteristic", characteristic, [
      "event",
      "ingestion",
      "processing",
    ]);
    return this;
  }

  /** Every operator in a subtask of its own: easier to watch, slower. */
  disableOperatorChaining(): this {
    this.#chaining = false;
    return this;
  }

  /**
   * Takes a checkpoint of the job every `intervalMs` milliseconds, one after the other, and a last one behind the end of
   * bounded input. Sinks in two phases commit with each; `job.latestCheckpoint` is the newest, from which
   * `executeAsync({ restore })` goes on, and from which a job that fails is started again: see `setRestartStrategy`. In
   * BATCH mode there are none.
   * @throws {PlanError} OPTION_INVALID, OPTION_UNKNOWN, FUNCTION_INVALID
   */
  enableCheckpointing(intervalMs: number, options: CheckpointOptions = {}): this {
    this.#checkpointing = checkpointing(intervalMs, options);
    return this;
  }

  /**
   * Whether a job that fails is started again, from its newest complete checkpoint, and when. Default: with checkpoints
   * `restartStrategies.exponentialDelay()`, which waits for 1 s at first and for a minute at most, and gives up behind ten
   * attempts in a row without a new complete checkpoint; without checkpoints `restartStrategies.none()`.
   * @throws {PlanError} ARGUMENT_INVALID
   */
  setRestartStrategy(strategy: RestartStrategy): this {
    const advice = "Give one of restartStrategies: none(), fixedDelay(...), exponentialDelay(...), failureRate(...).";
    this.#restartStrategy = checkedInstance("setRestartStrategy", strategy, RestartStrategy, advice);
    return this;
  }

  /**
   * Where keyed state of functions is kept while the job runs; default `stateBackends.memory()`. State of windows, joins and
   * aggregates without functions stays in memory. Counts for jobs that are executed from now on.
   * @throws {PlanError} ARGUMENT_INVALID
   */
  setStateBackend(backend: StateBackend): this {
    const advice = "Give one of stateBackends: memory(), disk(...).";
    this.#stateBackend = checkedInstance("setStateBackend", backend, StateBackend, advice);
    return this;
  }

  /**
   * What of a job is started again where a part of it fails: "full" (default) all of it, "region" only the steps that rows
   * or event time connect with what has failed, while others of the same job go on. A job of which everything is connected
   * is one region. With "region" each of them has threads of its own, as many as the parallelism, and an equal share of
   * the memory; failures in a row are counted by region.
   * @throws {PlanError} OPTION_INVALID
   */
  setFailoverStrategy(strategy: FailoverStrategy): this {
    this.#failoverStrategy = oneOf("setFailoverStrategy", strategy, FAILOVER_STRATEGIES);
    return this;
  }

  /**
   * A stream over any source. With a strategy, event times and watermarks are made per split.
   * @throws {PlanError} ARGUMENT_INVALID
   */
  fromSource<F extends Fields = Fields>(
    source: Source & { readonly schema: Schema<F> },
    strategy?: WatermarkStrategy<F>,
  ): DataStream<F> {
    return this.streamOf(new UserSource(checkedSource("fromSource", source)), true, strategy);
  }

  /** Rows of the running program; columns and types are found in them unless a schema is given. */
  fromCollection<R extends object>(
    rows: readonly R[],
    strategy?: WatermarkStrategy<FieldsOfRow<R>>,
  ): DataStream<FieldsOfRow<R>>;
  fromCollection<F extends Fields>(
    rows: readonly object[],
    schema: Schema<F>,
    strategy?: WatermarkStrategy<F>,
  ): DataStream<F>;
  fromCollection(rows: readonly object[], second?: Schema | WatermarkStrategy, third?: WatermarkStrategy): unknown {
    const isStrategy = second instanceof WatermarkStrategy;
    const strategy = isStrategy ? second : third;
    const schema = isStrategy || second === undefined ? {} : { schema: second as Schema };
    return this.streamOf(new MemorySource({ kind: "memory", rows, ...schema }), true, strategy);
  }

  /** Whole numbers from `from` up to `to`, which is left out, as one int64 column `value`. */
  fromSequence(
    from: number | bigint,
    to: number | bigint,
    step: number | bigint = 1,
  ): DataStream<{ readonly value: SimpleType<"int64"> }> {
    const [first, end, by] = [from, to, step].map(String);
    return this.streamOf(new SequenceSource({ kind: "sequence", from: first, to: end, step: by }), false);
  }

  /**
   * Runs every stream with a sink as one job, until its input ends.
   * @throws {PlanError} NOTHING_TO_EXECUTE
   */
  async execute(options: ExecuteOptions = {}): Promise<JobResult> {
    return (await this.executeAsync(options)).result();
  }

  /** Starts the job and gives a handle to it. */
  async executeAsync(options: ExecuteOptions = {}): Promise<StreamJob> {
    const { signal, jobName, ...origin } = {
      ...this.#scope?.execution,
      ...checkedOptions("execute", options, EXECUTE_OPTIONS),
    };
    checkRestoreOptions(origin);
    abortSignal("execute", signal);
    if (jobName !== undefined) checkedName("jobName", jobName);
    const pending = this.#sinks.splice(0);
    if (pending.length === 0) {
      throw new PlanError(
        "NOTHING_TO_EXECUTE",
        "execute() was called, but no stream has a sink.",
        "End a stream with print(), forEach(), sinkTo() or another sink, or use executeAndCollect().",
      );
    }
    if (origin.restore !== undefined) checkSnapshot(origin.restore);
    const sinks = await Promise.all(pending.map((plan) => plan.resolve()));
    checkRollingTargets(sinks.flatMap((node) => (node.op === "sink" ? [node.sink.spec] : [])));
    const checkpoints = this.#modeOf(sinks) === "batch" ? undefined : this.#checkpointing;
    if (checkpoints?.kept !== undefined) this.#takeDirectory(checkpoints.kept.directory);
    return this.#start(
      sinks,
      {
        ...(signal === undefined ? {} : { signal }),
        ...(jobName === undefined ? {} : { jobName }),
        origin,
        ...(checkpoints === undefined ? {} : { checkpoints }),
        restarts: restartStrategyOf(this.#restartStrategy, checkpoints !== undefined, sinks),
      },
      this.#scope,
    );
  }

  /** A second job would go on from the checkpoints of the first. */
  #takeDirectory(directory: string): void {
    if (this.#directories.has(directory)) {
      throw new PlanError(
        "CHECKPOINT_DIRECTORY_TAKEN",
        `An earlier job of this environment keeps its checkpoints in "${directory}".`,
        "Call enableCheckpointing with another directory before the next job, or use another environment.",
      );
    }
    this.#directories.add(directory);
  }

  /** @internal What functions of a job have added to accumulators on this thread. */
  accumulatorStates(jobId: string): AccumulatorState[] {
    return this.#accumulators.get(jobId)?.states() ?? [];
  }

  /** @internal The stream of a source; `isLocal`: on the calling thread. */
  streamOf<F extends Fields>(source: Source, isLocal: boolean, given?: WatermarkStrategy<F>): DataStream<F> {
    const strategy = this.#strategyOf(given);
    return new DataStream<F>(this.context, PlanHandle.of(sourceNode(source, isLocal, strategy)));
  }

  /** @internal The stream of a source whose connector is imported when it is first needed. */
  streamOfLoaded<F extends Fields>(load: () => Promise<Source>, given?: WatermarkStrategy<F>): DataStream<F> {
    const strategy = this.#strategyOf(given);
    return new DataStream<F>(
      this.context,
      PlanHandle.deferred(async () => sourceNode(await load(), false, strategy)),
    );
  }

  #strategyOf<F extends Fields>(given: WatermarkStrategy<F> | undefined): WatermarkStrategy<F> | undefined {
    const ingestion = this.#timeCharacteristic === "ingestion" ? WatermarkStrategy.ingestionTime<F>() : undefined;
    const strategy = given ?? ingestion;
    if (strategy === undefined) return undefined;
    return checkedInstance("the source", strategy, WatermarkStrategy<F>, "Give a WatermarkStrategy, or leave it out.");
  }

  /** With a scope, the job of a module: on a worker it is planned, and never starts. */
  async #start(
    sinks: readonly StreamNode[],
    options: {
      signal?: AbortSignal;
      jobName?: string;
      origin?: RestoreOptions;
      checkpoints?: Checkpointing;
      restarts?: RestartStrategySpec;
    },
    scope?: ModuleScope,
  ): Promise<StreamJob> {
    const { checkpoints, jobName } = options;
    const { alignedTimeoutMs } = checkpoints ?? {};
    const named = jobName === undefined ? {} : { jobName };
    const mode = this.#modeOf(sinks);
    if (mode === "streaming") refuseUpdates(sinks);
    const graph = planStream(sinks, {
      parallelism: this.#parallelism,
      maxParallelism: this.maxParallelism,
      chaining: this.#chaining,
      mode,
      bufferTimeoutMs: this.#bufferTimeoutMs,
      watermarkIntervalMs: this.context.watermarkIntervalMs,
      ...(checkpoints === undefined ? {} : { hasCheckpoints: true }),
      ...(alignedTimeoutMs === undefined ? {} : { alignedTimeoutMs }),
      functionsOnWorkers: scope !== undefined,
    });
    const program = scope?.begin(graph);
    if (scope !== undefined && program === undefined) return new Promise(() => undefined);
    const { spec } = this.#stateBackend;
    const directory = spec.kind === "disk" ? spec.directory : undefined;
    const usesWorkers = this.#parallelism > 1 && graph.vertices.some(({ placement }) => placement === "workers");
    const run = (hooks: StreamJobHooks): Promise<JobResult> =>
      runStream(
        {
          ...{ host: this.#host, graph, memoryBytes: this.memoryBytes, batchRows: this.batchRows, ...options },
          threads: usesWorkers ? this.#parallelism : 1,
          ...(program === undefined ? {} : { program }),
          ...(directory === undefined ? {} : { temporaryDirectory: directory }),
          isRegional: this.#failoverStrategy === "region" && mode === "streaming",
          resultOf: (outcomes) => ({ ...jobResult(outcomes, (jobId) => this.#accumulatorsOf(jobId)), ...named }),
          onEnd: (jobId) => this.#accumulators.delete(jobId),
        },
        hooks,
      );
    const job = new StreamJob(run, {
      ...named,
      nowMs: () => this.#host.clock.nowMs(),
      restored: options.origin?.restore,
    });
    scope?.onStart?.(job);
    return job;
  }

  #modeOf(sinks: readonly StreamNode[]): "streaming" | "batch" {
    if (this.#runtimeMode === "STREAMING") return "streaming";
    const unbounded = unboundedSource(sinks);
    if (unbounded === undefined) return "batch";
    if (this.#runtimeMode === "AUTOMATIC") return "streaming";
    throw new PlanError(
      "SOURCE_UNBOUNDED",
      `The runtime mode is BATCH, and ${unbounded.name} never ends.`,
      "Use STREAMING or AUTOMATIC, or bound the source.",
    );
  }

  #accumulatorsOf(jobId = ""): AccumulatorSet {
    let set = this.#accumulators.get(jobId);
    if (set === undefined) {
      set = new AccumulatorSet(this.#scope?.isOnWorker);
      this.#accumulators.set(jobId, set);
    }
    return set;
  }
}

function sourceNode<F extends Fields>(source: Source, isLocal: boolean, strategy?: WatermarkStrategy<F>): StreamNode {
  return {
    op: "source",
    source,
    isLocal,
    schema: source.schema,
    name: source.description,
    inputs: [],
    isUpdating: false,
    ...(strategy === undefined ? {} : { strategy: strategy.spec }),
  };
}

/** @throws {PlanError} OPTION_INVALID */
function checkedParameters(given: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return given;
  throw new PlanError(
    "OPTION_INVALID",
    `The option parameters is ${describeValue(given)}.`,
    "Give an object of values by name, which functions find as context.parameters.",
  );
}
