import { errorFields } from "../core/error-fields.ts";
import { asEngineError, InternalError, JobCancelledError } from "../core/errors.ts";
import type { Host, Link } from "../core/host.ts";
import { Workspace } from "../core/workspace.ts";
import { type ConnectorRegistry, loadConnectors } from "./connector-loader.ts";
import { JobFragment } from "./job-fragment.ts";
import type { BuiltProgram, ProgramBuilder } from "./job-program.ts";
import type { Deployment, PeerMessage, StateAnswer, WorkerCommand, WorkerReport } from "./messages.ts";
import { PeerLinks } from "./peer-links.ts";
import { withUserCode } from "./portable-graph.ts";
import { jobNotRunning, notSendable } from "./state-query.ts";
import { StoredParts } from "./stored-parts.ts";

/** What a worker thread is started with. */
export interface WorkerInit {
  readonly module: WebAssembly.Module;
  /** Unique in the process: see `StoredParts.id`. */
  readonly memoryId: string;
}

/**
 * A worker thread: owns one workspace, runs its share of one job after another, as the coordinating thread says.
 * Commands and peer messages are taken between steps of a running job, and on arrival while idle.
 */
export class WorkerThread {
  readonly #host: Host;
  readonly #registry: ConnectorRegistry;
  readonly #control: Link;
  readonly #workspace: Workspace;
  readonly #stored: StoredParts;
  readonly #build: ProgramBuilder | undefined;
  #peers: PeerLinks | undefined;
  #thread = -1;
  #fragment: JobFragment | undefined;
  /** A stop may come while connectors are still being imported: it waits for what it has to stop. */
  #deployed: Promise<void> = Promise.resolve();
  /** Ends the wait for a program that is being built: user code may never come to an end. */
  #giveUpBuilding: () => void = () => undefined;
  #program: BuiltProgram | undefined;
  /** The job that ended here last. */
  #endedJob: string | undefined;
  /** From peers that run a job already which is still being deployed here. */
  #early: PeerMessage[] = [];

  /**
   * `build` makes the user code of jobs that bring a program; without it such a job fails. `workspace` is the thread's
   * alone.
   */
  constructor(
    host: Host,
    registry: ConnectorRegistry,
    control: Link,
    init: WorkerInit,
    build?: ProgramBuilder,
    workspace: Workspace = new Workspace(init.module),
  ) {
    this.#host = host;
    this.#registry = registry;
    this.#control = control;
    this.#build = build;
    this.#workspace = workspace;
    this.#stored = new StoredParts(init.memoryId, this.#workspace, init.module);
    control.onArrival(() => this.#poll());
    this.#report({ type: "ready", memory: this.#workspace.memory });
  }

  #poll(): void {
    for (let command = this.#control.poll(); command !== undefined; command = this.#control.poll()) {
      this.#obey(command as WorkerCommand);
    }
    this.#peers?.poll((message) => this.#onPeerMessage(message));
  }

  #onPeerMessage(message: PeerMessage): void {
    if (message.job !== this.#fragment?.job) {
      if (message.job !== this.#endedJob) this.#early.push(message);
      return;
    }
    try {
      this.#fragment.onPeerMessage(message);
    } catch (thrown) {
      this.#fail(message.job, thrown);
    }
  }

  #obey(command: WorkerCommand): void {
    switch (command.type) {
      case "connect":
        this.#thread = command.thread;
        this.#peers = new PeerLinks(command.memories);
        for (const { thread, end } of command.links) {
          this.#peers.add(thread, this.#host.threads.open(end), () => this.#poll());
        }
        return;
      case "deploy":
        this.#deployed = this.#deploy(command).catch((thrown: unknown) => this.#fail(command.job, thrown));
        return;
      case "start":
        this.#start(command.job);
        return;
      case "checkpoint":
        this.#fragment?.triggerCheckpoint(command.barrier);
        return;
      case "checkpointComplete":
        this.#fragment?.completeCheckpoint(command.checkpointId);
        return;
      case "checkpointCommitted":
        this.#fragment?.commitCheckpoint(command.checkpointId);
        return;
      case "halt":
        this.#fragment?.halt(command.halt);
        return;
      case "watermarks": {
        const { job, question } = command;
        this.#report({ type: "answer", job, question, watermarks: this.#fragment?.watermarks() ?? [] });
        return;
      }
      case "queryState":
        this.#answer(command);
        return;
      case "stop":
        this.#stop(command.job).catch((thrown: unknown) => this.#fail(command.job, thrown));
        return;
      case "close":
        this.#fragment?.close(false);
        this.#endJob(command.job);
        this.#report({ type: "closed", job: command.job });
        return;
      case "free":
        this.#report({ type: "freed", table: command.table, leaked: this.#stored.free(command.table) });
        return;
    }
  }

  async #deploy({ job, deployment: sent }: WorkerCommand & { type: "deploy" }): Promise<void> {
    const deployment = await this.#withUserCode(sent);
    const connectors = await loadConnectors(this.#registry, deployment.graph);
    if (this.#peers === undefined) return;
    this.#fragment = new JobFragment({
      job,
      thread: this.#thread,
      deployment,
      workspace: this.#workspace,
      host: this.#host,
      connectors,
      peers: this.#peers,
      stored: this.#stored,
    });
    this.#fragment.onPoll = () => this.#poll();
    this.#fragment.onSnapshot = (checkpointId, vertex, snapshot) =>
      this.#report({ type: "snapshot", job, checkpointId, vertex, snapshot });
    this.#fragment.open();
    this.#report({ type: "deployed", job });
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#onPeerMessage(message);
    // A stream may only start once its control is there.
    if (deployment.graph.stream === undefined) this.#start(job);
  }

  #endJob(job: string): void {
    this.#fragment = undefined;
    this.#endedJob = job;
    this.#early = [];
  }

  async #withUserCode(deployment: Deployment): Promise<Deployment> {
    const { program, graph } = deployment;
    this.#program = undefined;
    if (program === undefined) return deployment;
    if (this.#build === undefined) throw new InternalError("This worker thread builds no programs");
    const givenUp = new Promise<never>((_, reject) => {
      this.#giveUpBuilding = () => reject(new JobCancelledError());
    });
    const built = await Promise.race([this.#build(program.spec, this.#host), givenUp]);
    this.#program = built;
    return { ...deployment, graph: withUserCode(graph, built.graph, program) };
  }

  #start(job: string): void {
    this.#run(job).catch((thrown: unknown) => this.#fail(job, thrown));
  }

  async #run(job: string): Promise<void> {
    const fragment = this.#fragment;
    if (fragment === undefined) return;
    const finished = await fragment.run((metrics) => this.#report({ type: "progress", job, metrics }));
    if (!finished) return; // stopped: the coordinator closes
    const committables = fragment.committables();
    const metrics = fragment.metrics();
    const snapshots = fragment.finalSnapshots();
    fragment.close(true);
    this.#endJob(job);
    const accumulators = this.#program?.accumulators(job) ?? [];
    this.#program = undefined;
    this.#report({ type: "finished", job, metrics, committables, snapshots, accumulators });
  }

  /** Between two steps: the job is not held up by more than a look. */
  #answer({ job, question, asked }: WorkerCommand & { type: "queryState" }): void {
    const answer = (given: StateAnswer) => this.#report({ type: "stateAnswer", job, question, answer: given });
    const fail = (thrown: unknown) => answer({ error: errorFields(asEngineError(thrown)) });
    let value: unknown;
    try {
      if (this.#fragment?.job !== job) throw jobNotRunning();
      value = this.#fragment.queryState(asked);
    } catch (thrown) {
      fail(thrown);
      return;
    }
    try {
      answer({ value });
    } catch (thrown) {
      fail(notSendable(asked, thrown instanceof Error ? thrown.message : String(thrown)));
    }
  }

  async #stop(job: string): Promise<void> {
    this.#giveUpBuilding();
    await this.#deployed;
    await this.#fragment?.stop();
    this.#report({ type: "stopped", job, committables: this.#fragment?.committables() ?? [] });
  }

  #fail(job: string, thrown: unknown): void {
    this.#fragment?.cancel();
    this.#report({ type: "failed", job, error: errorFields(asEngineError(thrown)) });
  }

  #report(report: WorkerReport): void {
    this.#control.send(report);
  }
}
