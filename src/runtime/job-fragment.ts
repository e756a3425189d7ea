import type { Batch } from "../core/batch.ts";
import { asEngineError, assert, type EngineError, InternalError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { OperatorContext, Output } from "../core/operator.ts";
import { Schema } from "../core/schema.ts";
import type { SinkFactory, SinkWriter } from "../core/sink.ts";
import type { SourceFactory, Split } from "../core/source.ts";
import type { Workspace } from "../core/workspace.ts";
import { type NamedOperator, OperatorChain } from "./chain.ts";
import { ExchangeOutput } from "./exchange-output.ts";
import { fuseRowFunctions } from "./fuse-row-functions.ts";
import { JobChannels, type Peers } from "./job-channels.ts";
import type { JobVertex, VertexMetrics } from "./job-graph.ts";
import { type Deployment, type PeerMessage, type SinkResult, threadOf } from "./messages.ts";
import { createOperator } from "./operator-factory.ts";
import { Subtask, SubtaskSink } from "./subtask.ts";

/** Temporary directories of jobs begin with this. */
export const SPILL_PREFIX = "millrace-spill-";
/** A thread with work left lets its event loop run this often. */
const SLICE_MS = 8;
const PROGRESS_MS = 200;

/** Connectors by kind, loaded before a job that needs them is deployed. */
export interface Connectors {
  source(kind: string): SourceFactory;
  sink(kind: string): SinkFactory;
}

/**
 * The subtasks of one job that run on one thread, with their channels. `run` drives them in turn, a batch at a time,
 * until all have finished or one fails; `close` frees everything, and reports blocks that were leaked.
 */
export class JobFragment {
  readonly job: string;
  readonly #thread: number;
  readonly #deployment: Deployment;
  readonly #workspace: Workspace;
  readonly #host: Host;
  readonly #connectors: Connectors;
  readonly #subtasks: Subtask[] = [];
  readonly #subtaskIndex = new Map<Subtask, number>();
  readonly #sinks = new Map<Subtask, number>();
  readonly #channels: JobChannels;
  readonly #counters = new Map<number, Record<string, number>>();
  readonly #busyMs = new Map<number, number>();
  readonly #blocksBefore: number;
  #spillDirectory: string | undefined;
  #wake: () => void = () => undefined;
  #isCancelled = false;
  #isClosed = false;

  constructor(options: {
    job: string;
    thread: number;
    deployment: Deployment;
    workspace: Workspace;
    host: Host;
    connectors: Connectors;
    peers: Peers;
  }) {
    this.job = options.job;
    this.#thread = options.thread;
    this.#deployment = options.deployment;
    this.#workspace = options.workspace;
    this.#host = options.host;
    this.#connectors = options.connectors;
    this.#channels = new JobChannels(this.job, this.#thread, this.#deployment, options.peers, {
      workspace: this.#workspace,
      host: this.#host,
      spillDirectory: () => this.#openSpillDirectory(),
      count: (vertex, metric, increment) => this.#count(vertex, metric, increment),
    });
    this.#blocksBefore = this.#workspace.allocator.liveBlocks;
    this.#workspace.setLimit(options.deployment.memoryBytes + this.#workspace.allocator.liveBytes);
  }

  /** Builds the subtasks and opens their operators. After a failure, `close` frees what was built so far. */
  open(): void {
    for (const vertex of this.#deployment.graph.vertices) {
      for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
        if (this.#threadOf(vertex, subtask) === this.#thread) this.#createSubtask(vertex, subtask);
      }
    }
    for (const subtask of this.#subtasks) {
      const vertex = this.#vertex(subtask.vertex);
      const index = this.#subtaskIndex.get(subtask) ?? 0;
      subtask.open((operator, position) => this.#context(vertex, index, `${position}-${operator}`));
    }
  }

  /**
   * Resolves with true when every subtask here has finished and every batch sent from here was taken, with false when
   * it was cancelled; throws the first failure.
   */
  async run(onProgress: (metrics: VertexMetrics[]) => void): Promise<boolean> {
    let waiting: Promise<void> = new Promise((resolve) => {
      this.#wake = resolve;
    });
    let sliceStart = this.#host.clock.monotonicMs();
    let lastProgress = sliceStart;
    const running = new Set(this.#subtasks);
    while (running.size > 0 || !this.#channels.isDrained) {
      if (this.#isCancelled) return false;
      let progressed = false;
      for (const subtask of running) {
        const before = this.#host.clock.monotonicMs();
        const result = subtask.step(() => this.#wake());
        if (result === "blocked") continue;
        progressed = true;
        if (result === "finished") running.delete(subtask);
        const spent = this.#host.clock.monotonicMs() - before;
        this.#busyMs.set(subtask.vertex, (this.#busyMs.get(subtask.vertex) ?? 0) + spent);
      }
      this.onPoll();
      if (progressed && this.#host.clock.monotonicMs() - sliceStart < SLICE_MS) continue;
      if (!progressed) {
        await waiting;
        waiting = new Promise((resolve) => {
          this.#wake = resolve;
        });
        // Reads that are done at once resume as microtasks: timers and messages would wait for ever.
        if (this.#host.clock.monotonicMs() - sliceStart < SLICE_MS) continue;
      }
      await this.#host.scheduler.yield();
      sliceStart = this.#host.clock.monotonicMs();
      if (sliceStart - lastProgress > PROGRESS_MS) {
        lastProgress = sliceStart;
        onProgress(this.metrics());
      }
    }
    return true;
  }

  /** Set by the thread: takes messages that arrived, so that long slices stay responsive. */
  onPoll: () => void = () => undefined;

  /** Makes `run` return; memory stays, since peers may still read it. */
  cancel(): void {
    this.#isCancelled = true;
    this.#wake();
  }

  /** Cancels, and waits for reads and writes that are under way: their batches are released then. */
  async stop(): Promise<void> {
    this.cancel();
    await Promise.all(this.#subtasks.map((subtask) => subtask.stop()));
  }

  onPeerMessage(message: PeerMessage): void {
    // After close, late messages of a failed job mean nothing any more.
    if (this.#isClosed) return;
    this.#channels.onMessage(message);
    this.#wake();
  }

  metrics(): VertexMetrics[] {
    const byVertex = new Map<number, VertexMetrics>();
    for (const subtask of this.#subtasks) {
      const { vertex } = subtask;
      const sum = byVertex.get(vertex) ?? {
        vertex,
        rowsIn: 0,
        rowsOut: 0,
        batchesOut: 0,
        bytesRead: 0,
        splitsDone: 0,
        busyMs: this.#busyMs.get(vertex) ?? 0,
        counters: { ...this.#counters.get(vertex) },
      };
      sum.rowsIn += subtask.rowsIn;
      sum.rowsOut += subtask.rowsOut;
      sum.batchesOut += subtask.batchesOut;
      sum.bytesRead += subtask.bytesRead;
      sum.splitsDone += subtask.splitsDone;
      byVertex.set(vertex, sum);
    }
    return [...byVertex.values()];
  }

  /** What the finished sink writers of this thread have prepared. */
  committables(): SinkResult[] {
    const results: SinkResult[] = [];
    for (const [subtask, sink] of this.#sinks) {
      const { committable } = subtask;
      if (committable !== undefined) results.push({ sink, committable });
    }
    return results;
  }

  /** Frees all state of the job on this thread. After a success, a block that is still live is our bug. */
  close(succeeded: boolean): void {
    if (this.#isClosed) return;
    let failure: EngineError | undefined;
    for (const subtask of this.#subtasks) {
      try {
        subtask.close();
      } catch (thrown) {
        failure ??= asEngineError(thrown);
      }
    }
    this.#channels.close();
    this.#isClosed = true;
    if (this.#spillDirectory !== undefined) this.#host.files.remove(this.#spillDirectory);
    if (failure !== undefined && succeeded) throw failure;
    const leaked = this.#workspace.allocator.liveBlocks - this.#blocksBefore;
    if (succeeded && leaked !== 0) throw new InternalError(`The job left ${leaked} blocks of memory behind`);
  }

  #vertex(id: number): JobVertex {
    const vertex = this.#deployment.graph.vertices.find((candidate) => candidate.id === id);
    assert(vertex !== undefined, `vertex ${id} is in the graph`);
    return vertex;
  }

  #threadOf(vertex: JobVertex, subtask: number): number {
    return threadOf(vertex.placement, subtask, this.#deployment.threads);
  }

  #createSubtask(vertex: JobVertex, index: number): void {
    const output = new ExchangeOutput(this.#workspace, this.#channels.outgoing(vertex, index), index);
    const inputSchemas = vertex.inputs.map((fields) => new Schema(fields));
    const source = vertex.source === undefined ? undefined : this.#openSource(vertex);
    const operators: NamedOperator[] = [];
    let schemas = source === undefined ? inputSchemas : [source.schema];
    for (const node of vertex.operators) {
      const operator = createOperator(node, schemas);
      const name = node.callSite === undefined ? node.name : `${node.name} at ${node.callSite}`;
      operators.push({ name, operator });
      schemas = [operator.outputSchema];
    }
    const sink = vertex.sink === undefined ? undefined : this.#openSink(vertex, index, schemas[0]);
    const chain = new OperatorChain(
      fuseRowFunctions(operators),
      sink === undefined ? output : new SinkOutput(sink, output),
    );
    const input =
      source !== undefined && vertex.source !== undefined
        ? {
            kind: "source" as const,
            source,
            splits: this.#splitQueue(vertex),
            context: {
              workspace: this.#workspace,
              host: this.#host,
              batchRows: this.#deployment.batchRows,
              count: (metric: string, increment: number) => this.#count(vertex.id, metric, increment),
            },
          }
        : { kind: "channels" as const, inputs: this.#channels.incoming(vertex, index) };
    const subtask = new Subtask({
      name: vertex.name,
      vertex: vertex.id,
      input,
      chain,
      output,
      ...(sink === undefined ? {} : { sink }),
    });
    this.#subtasks.push(subtask);
    this.#subtaskIndex.set(subtask, index);
    if (vertex.sink !== undefined) this.#sinks.set(subtask, vertex.sink.id);
  }

  #openSource(vertex: JobVertex) {
    const { source } = vertex;
    assert(source !== undefined, "a source vertex");
    return source.local ?? this.#connectors.source(source.spec.kind)(source.spec, this.#host);
  }

  #openSink(vertex: JobVertex, subtask: number, schema: Schema): SubtaskSink {
    assert(vertex.sink !== undefined, "a sink vertex");
    const { spec, local } = vertex.sink;
    const sink = local ?? this.#connectors.sink(spec.kind)(spec, this.#host);
    const writer: SinkWriter = sink.createWriter({
      workspace: this.#workspace,
      host: this.#host,
      schema,
      jobId: this.job,
      subtask,
      parallelism: vertex.parallelism,
      count: (metric, increment) => this.#count(vertex.id, metric, increment),
    });
    return new SubtaskSink(writer);
  }

  #splitQueue(vertex: JobVertex) {
    const counters = new Int32Array(this.#deployment.splitCounters);
    const splits = vertex.source?.splits ?? [];
    return { take: (): Split | undefined => splits[Atomics.add(counters, vertex.id, 1)] };
  }

  #context(vertex: JobVertex, subtask: number, operator: string): OperatorContext {
    return {
      jobId: this.job,
      workspace: this.#workspace,
      host: this.#host,
      subtask,
      parallelism: vertex.parallelism,
      batchRows: this.#deployment.batchRows,
      operatorId: `${vertex.id}-${operator}`,
      spillDirectory: () => this.#openSpillDirectory(),
      count: (metric, increment) => this.#count(vertex.id, metric, increment),
    };
  }

  #openSpillDirectory(): string {
    if (this.#spillDirectory === undefined) {
      const { files } = this.#host;
      const { spillDirectory: shared } = this.#deployment;
      this.#spillDirectory =
        shared === undefined ? files.makeTemporaryDirectory(SPILL_PREFIX) : `${shared}/${this.#thread}`;
      if (shared !== undefined) files.makeDirectory(this.#spillDirectory);
    }
    return this.#spillDirectory;
  }

  #count(vertex: number, metric: string, increment: number): void {
    const counters = this.#counters.get(vertex) ?? {};
    counters[metric] = (counters[metric] ?? 0) + increment;
    this.#counters.set(vertex, counters);
  }
}

/** The end of a sink's chain. */
class SinkOutput implements Output {
  readonly #sink: SubtaskSink;
  readonly #counted: ExchangeOutput;
  readonly isClosed = false;

  constructor(sink: SubtaskSink, counted: ExchangeOutput) {
    this.#sink = sink;
    this.#counted = counted;
  }

  emit(batch: Batch): void {
    this.#counted.rowsOut += batch.rowCount;
    this.#counted.batchesOut++;
    this.#sink.put(batch);
  }

  emitWatermark(): void {
    // Sinks of bounded jobs commit at the end of input.
  }

  emitSide(tag: string, batch: Batch): void {
    this.#counted.emitSide(tag, batch);
  }
}
