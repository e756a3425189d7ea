import { asEngineError, type EngineError, ExternalError, JobCancelledError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { AccumulatorState } from "../core/rows/accumulators.ts";
import type { Sink } from "../core/sink.ts";
import { Workspace } from "../core/workspace.ts";
import { abortSinks } from "./abort-sinks.ts";
import { AlignmentGroup } from "./alignment.ts";
import type { CommitWatch, StoreCheckpoint } from "./checkpoint-store.ts";
import { type ConnectorRegistry, loadConnectors } from "./connector-loader.ts";
import { JobFragment, SPILL_PREFIX } from "./job-fragment.ts";
import type { JobGraph, JobVertex } from "./job-graph.ts";
import type { ProgramSpec } from "./job-program.ts";
import { type AlignmentSlots, type Deployment, PLANNER_THREAD, type SinkResult, threadOf } from "./messages.ts";
import type { VertexMetrics } from "./metrics.ts";
import { mergeMetrics } from "./metrics.ts";
import { PeerLinks } from "./peer-links.ts";
import type { CheckpointSettings } from "./periodic-checkpoints.ts";
import { graphShape, portableGraph } from "./portable-graph.ts";
import { type JobWatch, type ReportOf, RunningJob } from "./running-job.ts";
import type { RunningStream } from "./running-stream.ts";
import { SinkCommits } from "./sink-commits.ts";
import { claimsFor } from "./split-claims.ts";
import { StoredParts } from "./stored-parts.ts";
import { StoredSource, type TableLease } from "./stored-source.ts";
import type { TableHome } from "./stored-table.ts";
import { StreamControl } from "./stream-control.ts";
import type { Connectors } from "./subtask-builder.ts";
import { uniqueId } from "./unique-id.ts";
import { WorkerHandle } from "./worker-handle.ts";

export interface JobOptions extends JobWatch {
  readonly memoryBytes: number;
  /** How many jobs share that, this one among them. Default 1. */
  readonly memoryJobs?: number;
  readonly batchRows: number;
  /** Where temporary files of the job lie; default: where the system has them. The caller removes what is abandoned there. */
  readonly temporaryDirectory?: string;
  /** Batches that a queue between two subtasks holds before its producer waits, from 1; default: a few. */
  readonly queueBatches?: number;
  /** Called with the job's id before anything of it runs. */
  readonly onStart?: (jobId: string) => void;
  /** Of a stream: the state to go on from. */
  readonly restore?: JobSnapshot;
  /** Of a stream that was started again: ids of attempts of it that have failed. */
  readonly failedAttempts?: readonly string[];
  /**
   * Of a stream: makes a checkpoint durable. It is complete when this has resolved, and what sinks have prepared for it
   * is committed then; the timeout of periodic checkpoints holds for it. Behind the end of the input there is a last one,
   * with `isFinal`. Absent: checkpoints that are asked for are complete at once, and there is no last one.
   */
  readonly storeCheckpoint?: StoreCheckpoint;
  /** It takes checkpoints of which tables are what has changed since an earlier one (`TableChanges`). */
  readonly storesChanges?: boolean;
  /** Of one whose checkpoints are numbered together with others'; default: counted on from what it goes on from. */
  readonly nextCheckpointId?: () => number;
  /** Of a stream that stores its checkpoints. */
  readonly commitWatch?: CommitWatch;
  /**
   * The job was cancelled, and nothing of it runs any more. True: nobody will go on from its checkpoints, so that what
   * sinks have prepared for them goes, too.
   */
  readonly onCancelled?: () => Promise<boolean>;
  /** From which worker threads build the graph again, where vertices on them hold user code. */
  readonly program?: ProgramSpec;
  /** What the program builds, where the graph at hand is only a part of that. */
  readonly programGraph?: JobGraph;
  /** Of a stream: takes checkpoints by itself. */
  readonly checkpoints?: CheckpointSettings;
  /** Of a stream: called once it runs, with the means to ask things of it. */
  readonly onRunning?: (control: RunningStream) => void;
}

export interface JobOutcome {
  readonly jobId: string;
  readonly durationMs: number;
  readonly metrics: readonly VertexMetrics[];
  /** Of functions that ran on worker threads; those of the planning thread are with whoever made the functions. */
  readonly accumulators: readonly AccumulatorState[];
}

/** How long what a job has begun may take to end once the job is to stop: a write, a read, a call of a function. */
const STOP_MS = 180_000;
/** Longer than any job: a timer that keeps the process alive while a job runs, as worker links do not. */
const KEEP_ALIVE_MS = 2 ** 31 - 1;

/**
 * One planning thread with its workspace and, for a parallelism above 1, as many worker threads: runs one job at a
 * time. The planning thread coordinates, runs the vertices that hold user functions, and commits sinks. Functions run
 * on the workers where those can build them again from a program.
 */
export class Engine implements TableHome {
  readonly parallelism: number;
  /** The planning thread's memory; results are read from it. */
  readonly workspace: Workspace;
  readonly #host: Host;
  readonly #registry: ConnectorRegistry;
  readonly #workers: readonly WorkerHandle[];
  readonly #peers: PeerLinks;
  /** What the planning thread keeps of stored tables. */
  readonly #stored: StoredParts;
  #jobCount = 0;
  /** The fragment of the job that runs now. */
  #fragment: JobFragment | undefined;
  #run: RunningJob | undefined;
  /** Of the job that runs now, where several threads run it. */
  #spillDirectory: string | undefined;
  /** Something of a job goes on here that could not be stopped. */
  #isStuck = false;

  private constructor(
    host: Host,
    registry: ConnectorRegistry,
    stored: StoredParts,
    workers: readonly WorkerHandle[],
    peers: PeerLinks,
  ) {
    this.#host = host;
    this.#registry = registry;
    this.workspace = stored.workspace;
    this.#stored = stored;
    this.#workers = workers;
    this.#peers = peers;
    this.parallelism = Math.max(1, workers.length);
  }

  /** `workspace` is the planning thread's, and the engine's alone. */
  static async start(
    host: Host,
    registry: ConnectorRegistry,
    module: WebAssembly.Module,
    parallelism: number,
    workspace: Workspace = new Workspace(module),
  ): Promise<Engine> {
    host.files.removeAbandonedDirectories(SPILL_PREFIX);
    const count = parallelism > 1 ? parallelism : 0;
    const id = uniqueId(host.random);
    const stored = new StoredParts(`${id}/${PLANNER_THREAD}`, workspace, module);
    const workers = Array.from(
      { length: count },
      (_, i) => new WorkerHandle(host, { module, memoryId: `${id}/${i + 1}` }, i + 1),
    );
    const stopWaiting = host.scheduler.after(KEEP_ALIVE_MS, () => undefined);
    try {
      const memories = [workspace.memory, ...(await Promise.all(workers.map((worker) => worker.memory)))];
      const peers = new PeerLinks(memories);
      const engine = new Engine(host, registry, stored, workers, peers);
      engine.#connect(memories);
      return engine;
    } catch (thrown) {
      await Promise.all(workers.map((worker) => worker.terminate()));
      throw thrown;
    } finally {
      stopWaiting();
    }
  }

  /** False once a worker thread has died, or a job could not be stopped: start another engine then. */
  get isUsable(): boolean {
    return !this.#isStuck && this.#workers.every((worker) => !worker.isDead);
  }

  async run(graph: JobGraph, options: JobOptions): Promise<JobOutcome> {
    const job = `job-${++this.#jobCount}-${this.#host.random.nextUint32().toString(16)}`;
    options.onStart?.(job);
    const startMs = this.#host.clock.monotonicMs();
    const connectors = await loadConnectors(this.#registry, graph);
    const sinks = this.#openSinks(graph, connectors);
    const commits = this.#commitsOf(graph, sinks);
    const stopWaiting = this.#host.scheduler.after(KEEP_ALIVE_MS, () => undefined);
    const run = new RunningJob(this.#workers, options);
    this.#run = run;
    const begun: [number, Sink][] = [];
    const leases: TableLease[] = [];
    let succeeded = false;
    try {
      for (const lease of leasesOf(graph)) {
        lease.begin();
        leases.push(lease);
      }
      for (const entry of sinks) {
        begun.push(entry);
        const beginning = entry[1].begin(job, commits.startOf(entry[0], options.restore));
        if (beginning instanceof Promise) await beginning;
      }
      if (options.restore !== undefined) {
        commits.announce(options.restore);
        this.#host.crashPoint?.("restore.committing");
        await commits.commit(options.restore);
      }
      const { failedAttempts = [] } = options;
      if (failedAttempts.length > 0) for (const sink of sinks.values()) await sink.forgetAttempts?.(failedAttempts);
      const isOver = options.restore?.isFinal === true;
      const { metrics, committables, accumulators } = isOver
        ? { metrics: [], committables: [], accumulators: [] }
        : await this.#drive(job, graph, connectors, options, run, commits);
      await commits.commitLast(committables);
      succeeded = true;
      return { jobId: job, durationMs: this.#host.clock.monotonicMs() - startMs, metrics, accumulators };
    } catch (thrown) {
      const error = asEngineError(thrown);
      const prepared = await this.#tearDown(job, run);
      const reason = error instanceof JobCancelledError ? await giveUp(error, options, commits) : error;
      await abortSinks(begun, prepared, commits, reason);
      throw reason;
    } finally {
      for (const lease of leases) lease.end(succeeded);
      this.#fragment = undefined;
      this.#run = undefined;
      run.end();
      stopWaiting();
      // Also what a thread that died had no time to remove.
      if (this.#spillDirectory !== undefined) this.#host.files.remove(this.#spillDirectory);
      this.#spillDirectory = undefined;
    }
  }

  /** Also while a job runs: it does not read the table, or a lease would hold it. */
  async freeTable(table: string): Promise<number> {
    const stopWaiting = this.#host.scheduler.after(KEEP_ALIVE_MS, () => undefined);
    try {
      const leaked = this.#stored.free(table);
      const others = await Promise.all(this.#workers.map((worker) => worker.freeTable(table)));
      return others.reduce((sum, each) => sum + each, leaked);
    } finally {
      stopWaiting();
    }
  }

  /** Whether a memory of one of the engine's threads has this id. */
  hasMemory(id: string): boolean {
    return id === this.#stored.id || this.#workers.some((worker) => worker.memoryId === id);
  }

  async close(): Promise<void> {
    this.#peers.close();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #drive(
    job: string,
    graph: JobGraph,
    connectors: Connectors,
    options: JobOptions,
    run: RunningJob,
    commits: SinkCommits,
  ): Promise<{ metrics: VertexMetrics[]; committables: SinkResult[]; accumulators: AccumulatorState[] }> {
    const threads = this.#workers.length === 0 ? [PLANNER_THREAD] : this.#workers.map((worker) => worker.thread);
    const usesWorkers = this.#workers.length > 0;
    const { files } = this.#host;
    const { temporaryDirectory: parent } = options;
    if (usesWorkers || parent !== undefined) this.#spillDirectory = files.makeTemporaryDirectory(SPILL_PREFIX, parent);
    const memorySharers = sharers(graph, this.#workers.length) * (options.memoryJobs ?? 1);
    const deployment: Deployment = {
      graph,
      threads,
      memoryBytes: Math.floor(options.memoryBytes / memorySharers),
      memorySharers,
      batchRows: options.batchRows,
      ...(options.queueBatches === undefined ? {} : { queueBatches: options.queueBatches }),
      splitClaims: claimsFor(graph),
      ...(this.#spillDirectory === undefined ? {} : { spillDirectory: this.#spillDirectory }),
      ...(options.restore === undefined ? {} : { restore: options.restore }),
      ...(graph.stream === undefined ? {} : { alignment: alignmentSlots(graph) }),
    };
    if (usesWorkers) {
      const { program, programGraph = graph } = options;
      const portable: Deployment = {
        ...deployment,
        graph: portableGraph(graph),
        ...(program === undefined ? {} : { program: { spec: program, shape: graphShape(programGraph) } }),
      };
      for (const worker of this.#workers) worker.send({ type: "deploy", job, deployment: portable });
    }
    const fragment = new JobFragment({
      job,
      thread: PLANNER_THREAD,
      deployment,
      workspace: this.workspace,
      host: this.#host,
      connectors,
      peers: this.#peers,
      stored: this.#stored,
    });
    this.#fragment = fragment;
    fragment.onPoll = () => this.#pollPeers();
    run.onFailure = () => fragment.cancel();
    fragment.open();
    await run.all("deployed");
    // Workers begin with a batch job as soon as they can: each turn of the event loop costs as much as a small job.
    if (graph.stream !== undefined) for (const worker of this.#workers) worker.send({ type: "start", job });
    const control =
      graph.stream &&
      new StreamControl({
        job,
        host: this.#host,
        graph,
        fragment,
        workers: this.#workers,
        workspace: this.workspace,
        threadOf: (vertex, subtask) => threadOf(vertex, subtask, threads),
        run,
        commits,
        restored: options.restore?.checkpointId ?? 0,
        ...(options.storeCheckpoint === undefined ? {} : { store: options.storeCheckpoint }),
        storesChanges: options.storesChanges === true,
        ...(options.nextCheckpointId === undefined ? {} : { nextCheckpointId: options.nextCheckpointId }),
        ...(options.commitWatch === undefined ? {} : { commitWatch: options.commitWatch }),
        ...(options.checkpoints === undefined ? {} : { checkpoints: options.checkpoints }),
      });
    if (control !== undefined) {
      run.onFailure = () => {
        fragment.cancel();
        control.abandon();
      };
      options.onRunning?.(control);
    }
    const reports: ReportOf<"finished">[] = [];
    try {
      const finished = await fragment.run((metrics) => run.onLocalProgress(metrics));
      if (!finished) throw run.failure ?? new JobCancelledError();
      reports.push(...(await run.all("finished")));
      await control?.finish();
    } catch (thrown) {
      control?.abandon();
      // A commit that is under way must not meet the abort that follows.
      await control?.settled();
      throw run.failure ?? thrown;
    }
    if (run.failure !== undefined) throw run.failure;
    const metrics = fragment.metrics();
    const committables = [...fragment.committables()];
    fragment.close(true);
    for (const report of reports) {
      metrics.push(...report.metrics);
      committables.push(...report.committables);
    }
    return {
      metrics: mergeMetrics(metrics),
      committables,
      accumulators: reports.flatMap((report) => report.accumulators ?? []),
    };
  }

  /**
   * After a failure: everybody stops before anybody frees memory that another thread may be reading. A worker thread that
   * does not stop in time is ended.
   */
  async #tearDown(job: string, run: RunningJob): Promise<SinkResult[]> {
    const prepared = this.#fragment?.committables() ?? [];
    await this.#stopFragment(run);
    run.isTearingDown = true;
    for (const worker of this.#workers) worker.send({ type: "stop", job });
    for (const report of await this.#reportsInTime(run, "stopped")) prepared.push(...report.committables);
    for (const report of run.reports("finished")) prepared.push(...report.committables);
    this.#fragment?.close(false);
    for (const worker of this.#workers) worker.send({ type: "close", job });
    await this.#reportsInTime(run, "closed");
    return prepared;
  }

  /** Its own thread cannot be ended: nobody may go on beside what still runs there. */
  async #stopFragment(run: RunningJob): Promise<void> {
    const stopped = this.#fragment?.stop();
    if (stopped === undefined) return;
    let cancel: () => void = () => undefined;
    const tooLate = new Promise<never>((_, reject) => {
      cancel = this.#host.scheduler.after(STOP_MS, () => reject(notStopped(run.failure)));
    });
    try {
      await Promise.race([stopped, tooLate]);
    } catch (thrown) {
      this.#isStuck = true;
      throw thrown;
    } finally {
      cancel();
    }
  }

  /** While a job is torn down: a thread without this report some time later is ended. */
  async #reportsInTime<T extends "stopped" | "closed">(run: RunningJob, type: T): Promise<ReportOf<T>[]> {
    const cancel = this.#host.scheduler.after(STOP_MS, () => {
      const answered = run.threadsWith(type);
      for (const worker of this.#workers) if (!answered.includes(worker.thread)) void worker.terminate();
    });
    const reports = await run.all(type);
    cancel();
    return reports;
  }

  #openSinks(graph: JobGraph, connectors: Connectors): Map<number, Sink> {
    const sinks = new Map<number, Sink>();
    for (const { sink } of graph.vertices) {
      if (sink === undefined) continue;
      sinks.set(sink.id, sink.local ?? connectors.sink(sink.spec.kind)(sink.spec, this.#host));
    }
    return sinks;
  }

  #commitsOf(graph: JobGraph, sinks: ReadonlyMap<number, Sink>): SinkCommits {
    const all = graph.vertices.flatMap(({ sink: described }) => {
      const sink = described && sinks.get(described.id);
      if (described === undefined || sink === undefined) return [];
      return [{ id: described.id, sink, ...(described.uid === undefined ? {} : { uid: described.uid }) }];
    });
    return new SinkCommits(this.#host, this.workspace, all);
  }

  #connect(memories: readonly WebAssembly.Memory[]): void {
    const ends = new Map<number, { thread: number; end: unknown }[]>();
    const numbers = [PLANNER_THREAD, ...this.#workers.map((worker) => worker.thread)];
    for (const thread of numbers) ends.set(thread, []);
    for (const [i, a] of numbers.entries()) {
      for (const b of numbers.slice(i + 1)) {
        const [endA, endB] = this.#host.threads.createLink();
        ends.get(a)?.push({ thread: b, end: endA });
        ends.get(b)?.push({ thread: a, end: endB });
      }
    }
    for (const { thread, end } of ends.get(PLANNER_THREAD) ?? []) {
      this.#peers.add(thread, this.#host.threads.open(end), () => this.#pollPeers());
    }
    for (const worker of this.#workers) {
      const links = ends.get(worker.thread) ?? [];
      const transfer = links.map((link) => link.end);
      worker.send({ type: "connect", thread: worker.thread, links, memories }, transfer);
    }
  }

  #pollPeers(): void {
    this.#peers.poll((message) => {
      if (message.job !== this.#fragment?.job) return; // of a job that has ended
      try {
        this.#fragment.onPeerMessage(message);
      } catch (thrown) {
        this.#run?.fail(asEngineError(thrown));
      }
    });
  }
}

/** What a job ends with that was cancelled. */
async function giveUp(cancelled: EngineError, { onCancelled }: JobOptions, commits: SinkCommits): Promise<EngineError> {
  try {
    if (await onCancelled?.()) commits.giveUp();
    return cancelled;
  } catch (thrown) {
    return asEngineError(thrown);
  }
}

const notStopped = (cause: EngineError | undefined): ExternalError =>
  new ExternalError(
    "JOB_NOT_STOPPED",
    false,
    `The job failed or was cancelled, and a read or write of a connector or function had not ended ${STOP_MS} ms later.`,
    "See why it does not; then end this process, since what it was about to write may still come.",
    { cause },
  );

/** Threads that share a job's memory: the planning thread counts where it does more than hand rows to the caller. */
function sharers(graph: JobGraph, workerCount: number): number {
  if (workerCount === 0) return 1;
  const isBusy = ({ placement, operators, source }: JobVertex) =>
    placement === "planner" && (operators.length > 0 || source !== undefined);
  return workerCount + (graph.vertices.some(isBusy) ? 1 : 0);
}

/** Shared memory for the sources of each alignment group. */
function alignmentSlots(graph: JobGraph): Record<string, AlignmentSlots> {
  const counts = new Map<string, number>();
  const firstSlots = new Map<string, Record<number, number>>();
  for (const { id, source, parallelism } of graph.vertices) {
    const group = source?.stream?.strategy?.alignment?.group;
    if (group === undefined) continue;
    const first = counts.get(group) ?? 0;
    firstSlots.set(group, { ...firstSlots.get(group), [id]: first });
    counts.set(group, first + parallelism);
  }
  const slots: Record<string, AlignmentSlots> = {};
  for (const [group, count] of counts) {
    slots[group] = { watermarks: AlignmentGroup.newBuffer(count), firstSlots: firstSlots.get(group) ?? {} };
  }
  return slots;
}

/** Of the stored tables that a job reads, each once. */
function leasesOf(graph: JobGraph): Set<TableLease> {
  const leases = new Set<TableLease>();
  for (const { source } of graph.vertices) {
    if (source?.local instanceof StoredSource && source.local.lease !== undefined) leases.add(source.local.lease);
  }
  return leases;
}
