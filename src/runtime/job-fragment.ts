import { asEngineError, assert, type EngineError, InternalError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { Barrier } from "../core/stream-element.ts";
import type { Workspace } from "../core/workspace.ts";
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
import type { SubtaskSnapshot } from "./snapshots.ts";
import { queryState, type StateQuestion } from "./state-query.ts";
import type { StoredParts } from "./stored-parts.ts";
import type { StepResult } from "./stream-task.ts";
import type { Subtask } from "./subtask.ts";
import { type Connectors, SubtaskBuilder } from "./subtask-builder.ts";
import { SubtaskSnapshots } from "./subtask-snapshots.ts";
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
  readonly #builder: SubtaskBuilder;
  readonly #subtasks: Subtask[] = [];
  readonly #sinks = new Map<Subtask, number>();
  readonly #channels: JobChannels;
  readonly #counters = new Map<number, Record<string, number>>();
  readonly #stream: StreamSettings | undefined;
  readonly #snapshots: SubtaskSnapshots;
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
    this.#channels = new JobChannels(this.job, this.#thread, this.#deployment, options.peers, {
      workspace: this.#workspace,
      host: this.#host,
      spillDirectory: () => this.#openSpillDirectory(),
      count: (vertex, metric, increment) => this.#count(vertex, metric, increment),
    });
    this.#stream = options.deployment.graph.stream;
    this.#snapshots = new SubtaskSnapshots({
      workspace: this.#workspace,
      stream: this.#stream,
      restored: options.deployment.restore,
      vertices: options.deployment.graph.vertices,
      turn: () => this.#host.scheduler.yield(),
      onFailure: () => this.#wake(),
    });
    this.#builder = new SubtaskBuilder({
      ...options,
      channels: this.#channels,
      snapshots: this.#snapshots,
      spillDirectory: () => this.#openSpillDirectory(),
      count: (vertex, metric, increment) => this.#count(vertex, metric, increment),
      wake: () => this.#wake(),
    });
    this.#jobBlocksBefore = this.#jobBlocks;
    const { memoryBytes, memorySharers } = options.deployment;
    this.#workspace.setLimit(memoryBytes, memorySharers);
  }

  /** Builds the subtasks and opens their operators. After a failure, `close` frees what was built so far. */
  open(): void {
    for (const vertex of this.#deployment.graph.vertices) {
      for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
        if (this.#threadOf(vertex, subtask) !== this.#thread) continue;
        const built = this.#builder.build(vertex, subtask);
        this.#subtasks.push(built);
        if (vertex.sink !== undefined) this.#sinks.set(built, vertex.sink.id);
      }
    }
    for (const subtask of this.#subtasks) {
      const vertex = this.#vertex(subtask.vertex);
      this.#builder.open(subtask, vertex);
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
    this.#halted = how === "release" ? undefined : how === "suspend" ? how : "drain";
    for (const subtask of this.#subtasks) {
      if (how === "release") subtask.release(checkpointId);
      else if (how === "suspend") subtask.suspend(() => this.#wake());
      else if (how === "drain" && this.#vertex(subtask.vertex).source !== undefined) subtask.drain();
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
    await this.#snapshots.stop();
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
