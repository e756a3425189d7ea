import { asEngineError, assert, type EngineError, InternalError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { keyGroupRange } from "../core/key-group.ts";
import type { OperatorContext, StreamContext } from "../core/operator.ts";
import { Schema } from "../core/schema.ts";
import type { SinkFactory, SinkWriter } from "../core/sink.ts";
import type { Source, SourceFactory } from "../core/source.ts";
import type { Barrier } from "../core/stream-element.ts";
import type { Workspace } from "../core/workspace.ts";
import { AlignmentGroup } from "./alignment.ts";
import { BoundedSourceInput } from "./bounded-source-input.ts";
import { type NamedOperator, OperatorChain } from "./chain.ts";
import { ChannelInput } from "./channel-input.ts";
import { gatheringFor } from "./coalescing-writer.ts";
import { nameOfSink } from "./committables.ts";
import { ExchangeOutput } from "./exchange-output.ts";
import { fuseRowFunctions } from "./fuse-row-functions.ts";
import { JobChannels, type Peers } from "./job-channels.ts";
import type { JobVertex, StreamSettings } from "./job-graph.ts";
import {
  type Deployment,
  type Halt,
  type PeerMessage,
  type SinkResult,
  threadOf,
  type VertexSnapshot,
} from "./messages.ts";
import { countWaiting, metricsOf, type VertexMetrics } from "./metrics.ts";
import { createOperator } from "./operator-factory.ts";
import { SinkOutput } from "./sink-output.ts";
import type { SubtaskSnapshot } from "./snapshots.ts";
import { SplitClaims } from "./split-claims.ts";
import { queryState, type StateQuestion } from "./state-query.ts";
import type { StoredParts } from "./stored-parts.ts";
import { STORED_KIND, StoredSource } from "./stored-source.ts";
import { storedSink } from "./stored-table.ts";
import { StreamSourceInput } from "./stream-source-input.ts";
import { type StepResult, type StreamTask, Subtask } from "./subtask.ts";
import type { SubtaskInput } from "./subtask-input.ts";
import { SubtaskSink } from "./subtask-sink.ts";
import { SubtaskSnapshots } from "./subtask-snapshots.ts";
import { TimeRequests } from "./time-requests.ts";
import { type SubtaskWatermarks, watermarksOf } from "./watermark-report.ts";

/** Temporary directories of jobs begin with this. */
export const SPILL_PREFIX = "millrace-spill-";
/** A thread with work left lets its event loop run this often. */
const SLICE_MS = 8;
const PROGRESS_MS = 200;
/** The same in steps: where the clock stands still (a simulation), others get their turn too. */
const SLICE_STEPS = 4096;
/** The longest that a timer can be set for. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

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
  readonly #stream: StreamSettings | undefined;
  readonly #snapshots: SubtaskSnapshots;
  readonly #requests = new Map<Subtask, TimeRequests>();
  readonly #stored: StoredParts;
  readonly #jobBlocksBefore: number;
  #spillDirectory: string | undefined;
  #wake: () => void = () => undefined;
  #isCancelled = false;
  #isClosed = false;
  /** The job ends by the will of its user, not at the end of its input. */
  #halted: "suspend" | "drain" | undefined;

  constructor(options: {
    job: string;
    thread: number;
    deployment: Deployment;
    workspace: Workspace;
    host: Host;
    connectors: Connectors;
    peers: Peers;
    stored: StoredParts;
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
    this.#stream = options.deployment.graph.stream;
    this.#stored = options.stored;
    this.#snapshots = new SubtaskSnapshots({
      workspace: this.#workspace,
      stream: this.#stream,
      restored: options.deployment.restore,
      turn: () => this.#host.scheduler.yield(),
    });
    this.#jobBlocksBefore = this.#jobBlocks;
    const { memoryBytes, memorySharers } = options.deployment;
    this.#workspace.setLimit(memoryBytes, memorySharers);
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
      subtask.open((operator, position) => this.#context(vertex, subtask, index, position, operator));
      if (this.#deployment.restore !== undefined) this.#host.crashPoint?.("restore.subtask");
      this.#snapshots.restore(subtask, vertex);
    }
  }

  /** Called when a subtask's state has been taken for a checkpoint; also for those that have finished before. */
  set onSnapshot(onTaken: (checkpointId: number, vertex: number, snapshot: SubtaskSnapshot) => void) {
    this.#snapshots.onTaken = onTaken;
  }

  /** Starts a checkpoint at the sources of this thread. */
  triggerCheckpoint(barrier: Barrier): void {
    for (const subtask of this.#subtasks) {
      if (subtask.isFinished) {
        this.#host.crashPoint?.("checkpoint.subtask-finished");
        this.#snapshots.onTaken(barrier.checkpointId, subtask.vertex, this.#snapshots.finalOf(subtask));
      } else if (this.#vertex(subtask.vertex).source !== undefined) subtask.triggerBarrier(barrier);
    }
    this.#snapshots.last = barrier.checkpointId;
    this.#wake();
  }

  /** How the job goes on behind a barrier that holds it, or that its sources are to end. */
  halt({ how, checkpointId }: Halt): void {
    this.#halted = how === "release" ? undefined : how;
    for (const subtask of this.#subtasks) {
      if (how === "release") subtask.release(checkpointId);
      else if (how === "suspend") subtask.suspend(() => this.#wake());
      else if (this.#vertex(subtask.vertex).source !== undefined) subtask.drain();
    }
    this.#wake();
  }

  /** What the subtasks of this thread have for a key. @throws {PlanError} as `queryState` of state-query.ts */
  queryState(question: StateQuestion): unknown {
    return queryState(this.#deployment.graph, this.#subtasks, question);
  }

  /** Of the subtasks that have finished. */
  finalSnapshots(): VertexSnapshot[] {
    return this.#snapshots.finals();
  }

  completeCheckpoint(checkpointId: number): void {
    for (const subtask of this.#subtasks) {
      if (subtask.isFinished) continue;
      this.#host.crashPoint?.("checkpoint.notifying");
      subtask.chain.notifyCheckpointComplete(checkpointId);
    }
  }

  /** What sinks had prepared for a checkpoint, and for those before, is committed. */
  commitCheckpoint(checkpointId: number): void {
    for (const subtask of this.#subtasks) subtask.forgetCommitted(checkpointId);
  }

  watermarks(): SubtaskWatermarks[] {
    return this.#subtasks.map((subtask) => watermarksOf(subtask, this.#vertex(subtask.vertex)));
  }

  /**
   * Resolves with true when every subtask here has finished and every batch sent from here was taken, with false when
   * it was cancelled; throws the first failure.
   */
  async run(onProgress: (metrics: VertexMetrics[]) => void): Promise<boolean> {
    let waiting: Promise<void> = new Promise((resolve) => {
      this.#wake = resolve;
    });
    const wake = () => this.#wake();
    let sliceStart = this.#host.clock.monotonicMs();
    let sliceSteps = 0;
    let lastProgress = sliceStart;
    let isNews = false;
    const report = (): void => {
      lastProgress = this.#host.clock.monotonicMs();
      isNews = false;
      onProgress(this.metrics());
    };
    const results = new Map<Subtask, StepResult>();
    const running = new Set(this.#subtasks);
    while (running.size > 0 || !this.#channels.isDrained) {
      if (this.#isCancelled) return false;
      this.#snapshots.throwFailure();
      let progressed = false;
      for (const subtask of running) {
        const before = this.#host.clock.monotonicMs();
        const result = subtask.step(wake);
        if (this.#stream !== undefined) results.set(subtask, result);
        if (result === "starved" || result === "backpressured") continue;
        progressed = true;
        isNews = this.#stream !== undefined;
        sliceSteps++;
        if (result === "finished") {
          running.delete(subtask);
          this.#onFinished(subtask);
        }
        subtask.busyMs += this.#host.clock.monotonicMs() - before;
      }
      this.onPoll();
      const isSliceLeft = () => this.#host.clock.monotonicMs() - sliceStart < SLICE_MS && sliceSteps < SLICE_STEPS;
      if (progressed && isSliceLeft()) continue;
      if (!progressed && this.#flushIdle(running)) continue;
      if (!progressed) {
        const waitStart = this.#host.clock.monotonicMs();
        // What was done last is told though nothing may happen for long.
        const cancelReport = isNews ? this.#host.scheduler.after(PROGRESS_MS, report) : () => undefined;
        await this.#wait(waiting, running);
        cancelReport();
        countWaiting(results, this.#host.clock.monotonicMs() - waitStart);
        waiting = new Promise((resolve) => {
          this.#wake = resolve;
        });
        // Reads that are done at once resume as microtasks: timers and messages would wait for ever.
        if (isSliceLeft()) continue;
      }
      await this.#host.scheduler.yield();
      sliceStart = this.#host.clock.monotonicMs();
      sliceSteps = 0;
      // Subtasks of streams see to it in each step.
      if (this.#stream === undefined) for (const subtask of running) subtask.flushDue(this.#host.clock.nowMs());
      if (sliceStart - lastProgress > PROGRESS_MS) report();
    }
    // Sources that were ended may still be reading.
    if (this.#halted !== undefined) await Promise.all(this.#subtasks.map((subtask) => subtask.stop()));
    await this.#snapshots.settled();
    this.#snapshots.throwFailure();
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
    await this.#snapshots.settled();
  }

  onPeerMessage(message: PeerMessage): void {
    // After close, late messages of a failed job mean nothing any more.
    if (this.#isClosed) return;
    this.#channels.onMessage(message);
    this.#wake();
  }

  metrics(): VertexMetrics[] {
    const isStream = this.#stream !== undefined;
    return this.#deployment.graph.vertices.flatMap((vertex) => {
      const own = this.#subtasks.filter((subtask) => subtask.vertex === vertex.id);
      return own.length === 0 ? [] : [metricsOf(vertex, own, this.#counters.get(vertex.id) ?? {}, isStream)];
    });
  }

  /** What the finished sink writers of this thread have prepared. */
  committables(): SinkResult[] {
    const results: SinkResult[] = [];
    for (const [subtask, sink] of this.#sinks) {
      for (const committable of subtask.committables) results.push({ sink, committable });
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
    const leaked = this.#jobBlocks - this.#jobBlocksBefore;
    if (leaked !== 0) this.#host.crashPoint?.("job.leaked");
    if (succeeded && leaked !== 0) throw new InternalError(`The job left ${leaked} blocks of memory behind`);
  }

  /** Live blocks that no stored table accounts for. */
  get #jobBlocks(): number {
    const { allocator, kept } = this.#workspace;
    return allocator.liveBlocks - kept.blockCount;
  }

  #vertex(id: number): JobVertex {
    const vertex = this.#deployment.graph.vertices.find((candidate) => candidate.id === id);
    assert(vertex !== undefined, `vertex ${id} is in the graph`);
    return vertex;
  }

  #threadOf(vertex: JobVertex, subtask: number): number {
    return threadOf(vertex, subtask, this.#deployment.threads);
  }

  #createSubtask(vertex: JobVertex, index: number): void {
    const stream = this.#stream;
    const nowMs = () => this.#host.clock.nowMs();
    const output = new ExchangeOutput(
      this.#workspace,
      this.#channels.outgoing(vertex, index),
      index,
      gatheringFor(stream, { ...this.#deployment, nowMs }),
    );
    const inputSchemas = vertex.inputs.map((fields) => new Schema(fields));
    const source = vertex.source === undefined ? undefined : this.#openSource(vertex);
    const operators: NamedOperator[] = [];
    let schemas = source === undefined ? inputSchemas : [source.schema];
    for (const node of vertex.operators) {
      const operator = createOperator(node, schemas);
      const name = node.callSite === undefined ? node.name : `${node.name} at ${node.callSite}`;
      operators.push({ name, operator, ...(node.uid === undefined ? {} : { uid: node.uid }) });
      schemas = [operator.outputSchema];
    }
    const sink = vertex.sink === undefined ? undefined : this.#openSink(vertex, index, schemas[0]);
    const tail = sink === undefined ? output : new SinkOutput(sink, output);
    const chain = new OperatorChain(fuseRowFunctions(operators), tail, { isStream: stream !== undefined });
    const channels = source === undefined ? this.#channels.incoming(vertex, index) : undefined;
    const input: SubtaskInput =
      source === undefined || channels !== undefined
        ? new ChannelInput(channels ?? [], nowMs, () => this.#host.crashPoint?.("checkpoint.aligning"))
        : this.#sourceInput(vertex, source, index);
    const requests = new TimeRequests();
    const subtask: Subtask = new Subtask({
      name: vertex.name,
      vertex: vertex.id,
      index,
      input,
      inputCount: channels?.length ?? 1,
      chain,
      output,
      ...(sink === undefined ? {} : { sink }),
      ...(stream === undefined ? {} : { stream: this.#streamTask(vertex, requests, () => subtask) }),
    });
    this.#requests.set(subtask, requests);
    this.#subtasks.push(subtask);
    this.#subtaskIndex.set(subtask, index);
    if (vertex.sink !== undefined) this.#sinks.set(subtask, vertex.sink.id);
  }

  #sourceInput(vertex: JobVertex, source: Source, subtask: number): SubtaskInput {
    const context = {
      workspace: this.#workspace,
      host: this.#host,
      batchRows: this.#deployment.batchRows,
      count: (metric: string, increment: number) => this.#count(vertex.id, metric, increment),
    };
    const stream = this.#stream;
    if (stream === undefined) {
      const splits = new SplitClaims(this.#deployment.splitClaims, vertex, this.#stored.id);
      return new BoundedSourceInput(source, splits, context);
    }
    const { strategy } = vertex.source?.stream ?? {};
    const { alignment: spec } = strategy ?? {};
    const slots = spec && this.#deployment.alignment?.[spec.group];
    const alignment = slots && AlignmentGroup.at(slots, vertex.id, subtask, spec.maxDriftMs);
    return new StreamSourceInput({
      source,
      context: { ...context, subtask, parallelism: vertex.parallelism },
      emitsWatermarks: stream.mode === "streaming",
      watermarkIntervalMs: stream.watermarkIntervalMs,
      ...(strategy === undefined ? {} : { strategy }),
      ...(alignment === undefined ? {} : { alignment }),
    });
  }

  #streamTask(vertex: JobVertex, requests: TimeRequests, subtaskOf: () => Subtask): StreamTask {
    return {
      requests,
      workspace: this.#workspace,
      nowMs: () => this.#host.clock.nowMs(),
      onBarrier: ({ checkpointId }, write) => {
        this.#host.crashPoint?.("checkpoint.snapshot");
        this.#snapshots.take(subtaskOf(), vertex, checkpointId, write);
      },
    };
  }

  /** What a finished source has read must not be read again by a job that is restored. */
  #onFinished(subtask: Subtask): void {
    // Of what is suspended, its barrier has told all.
    if (this.#stream === undefined || this.#halted === "suspend") return;
    this.#snapshots.takeLast(subtask, this.#vertex(subtask.vertex), this.#halted === "drain");
  }

  /** True where gathered rows were sent, which gives others work. */
  #flushIdle(running: ReadonlySet<Subtask>): boolean {
    let hasSent = false;
    for (const subtask of running) if (subtask.flushIdle()) hasSent = true;
    return hasSent;
  }

  /** Until something arrives or a deadline has passed. */
  async #wait(waiting: Promise<void>, running: ReadonlySet<Subtask>): Promise<void> {
    let deadlineMs = Number.POSITIVE_INFINITY;
    for (const subtask of running) deadlineMs = Math.min(deadlineMs, subtask.deadlineMs);
    if (deadlineMs === Number.POSITIVE_INFINITY) {
      await waiting;
      return;
    }
    const delayMs = Math.min(Math.max(0, deadlineMs - this.#host.clock.nowMs()), LONGEST_WAIT_MS);
    const cancel = this.#host.scheduler.after(delayMs, () => this.#wake());
    await waiting;
    cancel();
  }

  #openSource(vertex: JobVertex) {
    const { source } = vertex;
    assert(source !== undefined, "a source vertex");
    if (source.spec.kind === STORED_KIND) return StoredSource.on(this.#stored, source.spec);
    return source.local ?? this.#connectors.source(source.spec.kind)(source.spec, this.#host);
  }

  #openSink(vertex: JobVertex, subtask: number, schema: Schema): SubtaskSink {
    assert(vertex.sink !== undefined, "a sink vertex");
    const { spec, local } = vertex.sink;
    const sink =
      spec.kind === STORED_KIND
        ? storedSink(this.#stored, spec)
        : (local ?? this.#connectors.sink(spec.kind)(spec, this.#host));
    const writer: SinkWriter = sink.createWriter({
      workspace: this.#workspace,
      host: this.#host,
      schema,
      jobId: this.job,
      name: nameOfSink(vertex.sink),
      subtask,
      parallelism: vertex.parallelism,
      ...(this.#stream?.hasCheckpoints === true ? { hasCheckpoints: true } : {}),
      ...(this.#deployment.restore?.isSavepoint === true ? { isBranch: true } : {}),
      count: (metric, increment) => this.#count(vertex.id, metric, increment),
    });
    const { restore } = this.#deployment;
    return new SubtaskSink(writer, { name: vertex.name, uid: vertex.sink.uid, restored: restore?.checkpointId });
  }

  #context(vertex: JobVertex, task: Subtask, subtask: number, position: number, operator: string): OperatorContext {
    return {
      ...(this.#stream === undefined
        ? {}
        : { stream: this.#streamContext(this.#stream, vertex, task, subtask, position) }),
      jobId: this.job,
      workspace: this.#workspace,
      host: this.#host,
      subtask,
      parallelism: vertex.parallelism,
      batchRows: this.#deployment.batchRows,
      operatorId: `${vertex.id}-${position}-${operator}`,
      spillDirectory: () => this.#openSpillDirectory(),
      count: (metric, increment) => this.#count(vertex.id, metric, increment),
    };
  }

  #streamContext(
    stream: StreamSettings,
    vertex: JobVertex,
    task: Subtask,
    subtask: number,
    position: number,
  ): StreamContext {
    const { maxParallelism } = stream;
    const requests = this.#requests.get(task);
    return {
      maxParallelism,
      keyGroups: keyGroupRange(subtask, vertex.parallelism, maxParallelism),
      isBatchMode: stream.mode === "batch",
      processingTimeMs: () => this.#host.clock.nowMs(),
      requestProcessTime: (atMs) => requests?.requestTime(position, atMs),
      wake: () => {
        requests?.wake(position);
        this.#wake();
      },
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
