import type { Table } from "apache-arrow";
import { checkedSource } from "../api/connector-contracts.ts";
import { type DeclaredReadOptions, declaredColumns } from "../api/declared-columns.ts";
import { EnginePool } from "../api/engine-pool.ts";
import type { JobResult } from "../api/job-result.ts";
import {
  type CsvReadOptions,
  checkedOptions,
  checkedSignal,
  type JsonReadOptions,
  optionsOf,
  type TextReadOptions,
} from "../api/options.ts";
import { checkTargets } from "../api/output-paths.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import type { FieldsOfRow } from "../api/row-types.ts";
import { UserSink, UserSource } from "../api/user-connectors.ts";
import { CsvSource } from "../connectors/csv/csv-source.ts";
import { JsonSource } from "../connectors/json/json-source.ts";
import { type MemoryColumn, MemorySource } from "../connectors/memory/memory-source.ts";
import { ParquetSource } from "../connectors/parquet/parquet-source.ts";
import { connectorRegistry } from "../connectors/registry.ts";
import { SequenceSource } from "../connectors/sequence/sequence-source.ts";
import { TextSource } from "../connectors/text/text-source.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { AccumulatorSet } from "../core/rows/accumulators.ts";
import type { Schema } from "../core/schema.ts";
import type { Sink, SinkSpec } from "../core/sink.ts";
import type { Json, Source } from "../core/source.ts";
import type { Fields, SimpleType } from "../core/types.ts";
import { Workspace } from "../core/workspace.ts";
import { kernelModule } from "../host/kernel-module.ts";
import { nodeHost } from "../host/node-host.ts";
import { explain } from "../plan/explain.ts";
import type { LogicalNode } from "../plan/logical.ts";
import { sinkNode, sourceNode } from "../plan/nodes.ts";
import { optimize } from "../plan/optimize.ts";
import { planJob } from "../plan/planner.ts";
import { readersFirst } from "../plan/readers-first.ts";
import { estimateBytes } from "../plan/statistics.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import type { VertexMetrics } from "../runtime/metrics.ts";
import { ResultSink } from "../runtime/result-sink.ts";
import { StoredTable } from "../runtime/stored-table.ts";
import { uniqueId } from "../runtime/unique-id.ts";
import { DataSet } from "./dataset.ts";
import type { JobContext, JobOutput } from "./job-context.ts";
import { ProgressLine } from "./progress-line.ts";

export interface EnvironmentOptions {
  /** Worker threads that a job may use; 1 runs it on the calling thread. Default: the machine's hardware threads. */
  readonly parallelism?: number;
  /** Memory that a job may use before it spills to disk, in bytes. Default: half of the machine's. */
  readonly memoryBytes?: number;
  /** Rows per batch to aim at. Default 16,384: TPC-H takes an eighth longer with 8,192. */
  readonly batchRows?: number;
  /** Values that functions of the job can read. */
  readonly parameters?: Readonly<Record<string, Json>>;
}

/** Of the jobs of an environment that a module is given. */
export interface EnvironmentScope {
  readonly signal?: AbortSignal;
  onResult?(result: JobResult): void;
}

/** A path, a directory, a glob pattern, a file:// URL, or several of these. */
type Paths = string | readonly string[];

type SequenceFields = { readonly value: SimpleType<"int64"> };

/** @internal */
export const ENVIRONMENT_OPTIONS: readonly (keyof EnvironmentOptions)[] = [
  "parallelism",
  "memoryBytes",
  "batchRows",
  "parameters",
];
const DEFAULT_BATCH_ROWS = 16_384;
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
  readonly #host: Host;
  readonly #engines: EnginePool;
  readonly #isParallelismGiven: boolean;
  readonly #pendingSinks: { handle: PlanHandle; sink: Sink | SinkSpec }[] = [];
  readonly #accumulators = new Map<string, AccumulatorSet>();
  /** @internal */
  readonly context: JobContext;

  readonly #scope: EnvironmentScope;

  private constructor(host: Host, engines: EnginePool, options: EnvironmentOptions, scope: EnvironmentScope = {}) {
    this.#host = host;
    this.#scope = scope;
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
    this.context = {
      host,
      parameters: this.parameters,
      run: async (outputs, signal, purpose) => {
        const result = await this.#runToCaller(outputs, signal);
        if (purpose === undefined) this.#scope.onResult?.(result);
        return result;
      },
      addSink: (handle, sink) => {
        this.#pendingSinks.push({ handle, sink });
      },
      explain: (nodes, format) => this.#explain(nodes, format),
      accumulators: (jobId) => this.#accumulatorsOf(jobId),
      newTable: (schema) => this.#newTable(schema),
    };
  }

  /** @throws {PlanError} OPTION_INVALID, OPTION_UNKNOWN */
  static create(options: EnvironmentOptions = {}): ExecutionEnvironment {
    checkedOptions("ExecutionEnvironment.create", options, ENVIRONMENT_OPTIONS);
    return new ExecutionEnvironment(nodeHost(), sharedEngines(), options);
  }

  /** @internal The environment that a module is given, and what runs all that was written and not executed. */
  static inModule(options: EnvironmentOptions, scope: EnvironmentScope) {
    const env = new ExecutionEnvironment(nodeHost(), sharedEngines(), options, scope);
    const finish = async (): Promise<void> => {
      if (env.#pendingSinks.length > 0) await env.execute();
    };
    return { env, finish };
  }

  /**
   * Reads Parquet files: a path, directory, glob pattern or list of these; `key=value` directories give columns too.
   * Only the columns and row groups that the plan needs are read.
   * @param options.schema - Declares columns and types, so that the compiler knows them; the files must have them.
   * @throws {DataError} PARQUET_*, {ExternalError} FILE_*, {PlanError} PARQUET_SCHEMAS_DIFFER, SCHEMA_MISMATCH
   */
  readParquet<F extends Fields = Fields>(paths: Paths, options: DeclaredReadOptions<F> = {}): DataSet<F> {
    const given = optionsOf("readParquet", options);
    const source = new ParquetSource({ kind: "parquet", paths }, this.#host);
    return this.#dataSet(declaredColumns("readParquet", source, given));
  }

  /**
   * Reads CSV files by RFC 4180. Columns and types are found in a sample of the first file unless a schema is given.
   * @param options.badLines - "fail" (default), or "drop" with a count in the job's metrics
   */
  readCsv<F extends Fields = Fields>(paths: Paths, options: CsvReadOptions<F> = {}): DataSet<F> {
    const { schema, ...rest } = optionsOf("readCsv", options);
    const spec = { kind: "csv", paths, ...rest, ...(schema === undefined ? {} : { schema: schema.fields }) } as const;
    return this.#dataSet(new CsvSource(spec, this.#host));
  }

  /** Reads JSON lines: one object per line. Columns and types are found in a sample unless a schema is given. */
  readJson<F extends Fields = Fields>(paths: Paths, options: JsonReadOptions<F> = {}): DataSet<F> {
    const { schema, ...rest } = optionsOf("readJson", options);
    const spec = { kind: "json", paths, ...rest, ...(schema === undefined ? {} : { schema: schema.fields }) } as const;
    return this.#dataSet(new JsonSource(spec, this.#host));
  }

  /**
   * Reads Arrow IPC files and streams.
   * @param options.schema - Declares columns and types, as for `readParquet`.
   */
  readArrow<F extends Fields = Fields>(paths: Paths, options: DeclaredReadOptions<F> = {}): DataSet<F> {
    const given = optionsOf("readArrow", options);
    return this.#load(async () => {
      const { ArrowSource } = await import("../connectors/arrow/arrow-source.ts");
      return declaredColumns("readArrow", new ArrowSource({ kind: "arrow", paths }, this.#host), given);
    });
  }

  /** Reads lines of text as one utf8 column `line`. */
  readText(paths: Paths, options: TextReadOptions = {}): DataSet<{ readonly line: SimpleType<"utf8"> }> {
    return this.#dataSet(new TextSource({ kind: "text", paths, ...optionsOf("readText", options) }, this.#host));
  }

  /** Rows of the running program; columns and types are found in them unless a schema is given, which picks the properties. */
  fromRows<R extends object>(rows: readonly R[]): DataSet<FieldsOfRow<R>>;
  fromRows<F extends Fields>(rows: readonly object[], schema: Schema<F>): DataSet<F>;
  fromRows(rows: readonly object[], schema?: Schema): unknown {
    return this.#dataSet(new MemorySource({ kind: "memory", rows, ...(schema === undefined ? {} : { schema }) }), true);
  }

  /** Columns of the running program: typed arrays, or arrays of values, by name. */
  fromColumns<F extends Fields = Fields>(
    columns: Readonly<Record<string, MemoryColumn>>,
    schema?: Schema<F>,
  ): DataSet<F> {
    const spec = { kind: "memory", data: columns, ...(schema === undefined ? {} : { schema }) } as const;
    return this.#dataSet(new MemorySource(spec), true);
  }

  /** An apache-arrow Table. */
  fromArrow<F extends Fields = Fields>(table: Table): DataSet<F> {
    return this.#load(async () => {
      const { TableSource } = await import("../connectors/memory/table-source.ts");
      return new TableSource(table);
    }, true);
  }

  /** Whole numbers from `from` up to `to`, which is left out, as one int64 column `value`. */
  sequence(from: number | bigint, to: number | bigint, step: number | bigint = 1): DataSet<SequenceFields> {
    const [first, end, by] = [from, to, step].map(String);
    return this.#dataSet(new SequenceSource({ kind: "sequence", from: first, to: end, step: by }));
  }

  /**
   * A dataset over any source, such as a connector of one's own; it is read on the calling thread, where it lives.
   * What the source throws fails the job as SOURCE_FAILED, with the thrown value as cause.
   * @throws {PlanError} ARGUMENT_INVALID
   */
  fromSource<F extends Fields = Fields>(source: Source & { readonly schema: Schema<F> }): DataSet<F> {
    return this.#dataSet(new UserSource(checkedSource("fromSource", source)), true);
  }

  /**
   * Runs everything that was written with `write*` or `output` since the last call, as one job: shared steps run once,
   * and either all outputs become visible or none of those that did not.
   * @throws {PlanError} NOTHING_TO_EXECUTE
   */
  async execute(options: { signal?: AbortSignal } = {}): Promise<JobResult> {
    const signal = checkedSignal("execute", options);
    const pending = this.#pendingSinks.splice(0);
    if (pending.length === 0) {
      throw new PlanError(
        "NOTHING_TO_EXECUTE",
        "execute() was called, but nothing was written since the last call.",
        "Call a write method of a dataset first, or collect(), count() or show() for a result in memory.",
      );
    }
    checkTargets(pending.flatMap(({ sink }) => (isSink(sink) ? [] : [sink])));
    const roots: LogicalNode[] = [];
    for (const { handle, sink } of pending) {
      const node = await handle.resolve(signal);
      // A sink of the user's own lives on this thread; the engine's are made again on each thread that writes.
      roots.push(isSink(sink) ? sinkNode(node, new UserSink(sink), true) : sinkNode(node, await this.#openSink(sink)));
    }
    const result = await this.#run(roots, signal);
    this.#scope.onResult?.(result);
    return result;
  }

  /** Ends the idle worker threads of all environments of this process; later jobs start new ones. */
  static async shutdown(): Promise<void> {
    await sharedEngines().close();
  }

  #dataSet<F extends Fields>(source: Source, pinned = false): DataSet<F> {
    return new DataSet<F>(this.context, PlanHandle.of(sourceNode(source, pinned)));
  }

  async #openSink(spec: SinkSpec): Promise<Sink> {
    const factory = await connectorRegistry.sinkFactory(spec.kind);
    return factory(spec, this.#host);
  }

  /** A source whose connector is imported when it is first needed. */
  #load<F extends Fields>(make: () => Promise<Source>, pinned = false): DataSet<F> {
    return new DataSet<F>(
      this.context,
      PlanHandle.deferred(async () => sourceNode(await make(), pinned)),
    );
  }

  async #runToCaller(outputs: readonly JobOutput[], signal?: AbortSignal): Promise<JobResult> {
    const tables: StoredTable[] = [];
    const roots = outputs.map(async (output) => {
      const node = await output.plan.resolve(signal);
      if ("take" in output) return sinkNode(node, new ResultSink(output.take), true);
      tables.push(output.table);
      return sinkNode(node, output.table.sink());
    });
    return this.#run(await Promise.all(roots), signal, tables);
  }

  #newTable(schema: Schema): StoredTable {
    const table = new StoredTable(uniqueId(this.#host.random), schema);
    const { place } = table;
    // Nobody waits for this, or is left to hear of a block that is still referred to.
    this.#host.whenCollected(table, () => void place.free());
    return table;
  }

  /** `tables` are those that the job fills. */
  async #run(
    roots: readonly LogicalNode[],
    given?: AbortSignal,
    tables: readonly StoredTable[] = [],
  ): Promise<JobResult> {
    const signals = [given, this.#scope.signal].filter((each) => each !== undefined);
    const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    const optimized = optimize(roots, planningWorkspace());
    const parallelism = this.#parallelismOf(optimized);
    const graph = planJob(optimized, parallelism);
    const engine = await this.#engines.acquire(parallelism, memoriesOf(graph));
    for (const { place } of tables) place.set(engine);
    const progress = this.#progressLine(graph);
    let jobId = "";
    try {
      const outcome = await engine.run(graph, {
        onStart: (id) => {
          jobId = id;
        },
        memoryBytes: this.memoryBytes,
        batchRows: this.batchRows,
        onProgress: progress.update,
        ...(signal === undefined ? {} : { signal }),
      });
      const accumulators = this.#accumulators.get(jobId)?.values() ?? [];
      return { ...outcome, accumulators: Object.fromEntries(accumulators) };
    } finally {
      this.#accumulators.delete(jobId);
      progress.end();
      this.#engines.release(engine);
    }
  }

  /** Shows on a terminal how far the sources are read; jobs of less than half a second show nothing. */
  #progressLine(graph: JobGraph): { update: (metrics: readonly VertexMetrics[]) => void; end: () => void } {
    const { terminal, clock } = this.#host;
    if (terminal === undefined) return { update: () => undefined, end: () => undefined };
    const line = new ProgressLine({ ...terminal, clock });
    const splits = new Map(graph.vertices.map(({ id, source }) => [id, source?.splits]));
    const all = [...splits.values()].flatMap((each) => each ?? []);
    const totalRows = all.every((split) => split.rows !== undefined) ? sum(all.map((split) => split.rows)) : undefined;
    const totalBytes = totalRows === undefined ? sum(all.map((split) => split.bytes)) : undefined;
    return {
      update: (metrics) => {
        const sources = metrics.filter(({ vertex }) => splits.get(vertex) !== undefined);
        const rows = sum(sources.map((each) => each.rowsIn));
        const bytes = sum(sources.map((each) => each.bytesRead));
        line.update({
          rows,
          bytes,
          ...(totalRows === undefined ? {} : { totalRows }),
          ...(totalBytes === undefined ? {} : { totalBytes }),
        });
      },
      end: () => line.end(),
    };
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
    const optimized = optimize(nodes, planningWorkspace());
    const graph = planJob(optimized, this.#parallelismOf(optimized));
    return explain(nodes, optimized, graph, format);
  }

  /** Small inputs run on the calling thread unless a parallelism was asked for. */
  #parallelismOf(roots: readonly LogicalNode[]): number {
    if (this.#isParallelismGiven) return this.parallelism;
    let bytes = 0;
    for (const node of readersFirst(roots)) {
      if (node.op !== "source") continue;
      bytes += node.source.statistics.bytes ?? estimateBytes(node) ?? Number.POSITIVE_INFINITY;
    }
    return bytes <= SMALL_INPUT_BYTES ? 1 : this.parallelism;
  }
}

/** The memories in which a job's stored tables lie. */
function memoriesOf(graph: JobGraph): Set<string> {
  const homes = graph.vertices.flatMap(({ source }) => source?.splits.map(({ home }) => home) ?? []);
  return new Set(homes.flatMap((home) => home ?? []));
}

const isSink = (sink: Sink | SinkSpec): sink is Sink => typeof (sink as Partial<Sink>).createWriter === "function";

let planning: Workspace | undefined;

/** Where the optimizer computes constants, with the kernels that rows would meet. */
function planningWorkspace(): Workspace {
  planning ??= new Workspace(kernelModule());
  return planning;
}

let engines: EnginePool | undefined;

function sharedEngines(): EnginePool {
  engines ??= new EnginePool(nodeHost(), kernelModule);
  return engines;
}

const sum = (values: readonly (number | undefined)[]): number =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);

function checked(name: string, value: number, low: number, high: number): number {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw new PlanError(
    "OPTION_INVALID",
    `The option ${name} is ${describeValue(value)}.`,
    `Give a whole number from ${low} to ${high}, or leave it out for the default.`,
  );
}
