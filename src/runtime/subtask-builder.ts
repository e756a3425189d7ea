import { assert } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { keyGroupRange } from "../core/key-group.ts";
import type { OperatorContext, StreamContext } from "../core/operator.ts";
import { Schema } from "../core/schema.ts";
import type { SinkFactory, SinkWriter } from "../core/sink.ts";
import type { Source, SourceFactory } from "../core/source.ts";
import type { Workspace } from "../core/workspace.ts";
import { AlignmentGroup } from "./alignment.ts";
import { BoundedSourceInput } from "./bounded-source-input.ts";
import { type NamedOperator, OperatorChain } from "./chain.ts";
import { ChannelInput, type InputChannel } from "./channel-input.ts";
import { gatheringFor } from "./coalescing-writer.ts";
import { nameOfSink } from "./committables.ts";
import { ExchangeOutput } from "./exchange-output.ts";
import { fuseRowFunctions } from "./fuse-row-functions.ts";
import { inFlightOwner } from "./in-flight-owner.ts";
import type { JobChannels } from "./job-channels.ts";
import type { JobVertex, StreamSettings } from "./job-graph.ts";
import type { Deployment } from "./messages.ts";
import { createOperator } from "./operator-factory.ts";
import { ReplayingInput } from "./replaying-input.ts";
import { SinkOutput } from "./sink-output.ts";
import { SplitClaims } from "./split-claims.ts";
import type { StoredParts } from "./stored-parts.ts";
import { STORED_KIND, StoredSource } from "./stored-source.ts";
import { storedSink } from "./stored-table.ts";
import { StreamSourceInput } from "./stream-source-input.ts";
import type { StreamTask } from "./stream-task.ts";
import { Subtask } from "./subtask.ts";
import type { SubtaskInput } from "./subtask-input.ts";
import { SubtaskSink } from "./subtask-sink.ts";
import type { SubtaskSnapshots } from "./subtask-snapshots.ts";
import { TimeRequests } from "./time-requests.ts";

/** Connectors by kind, loaded before a job that needs them is deployed. */
export interface Connectors {
  source(kind: string): SourceFactory;
  sink(kind: string): SinkFactory;
}

/** What the subtasks of one job on one thread are made of and share. */
export interface SubtaskParts {
  readonly job: string;
  readonly deployment: Deployment;
  readonly workspace: Workspace;
  readonly host: Host;
  readonly connectors: Connectors;
  readonly stored: StoredParts;
  readonly channels: JobChannels;
  readonly snapshots: SubtaskSnapshots;
  readonly spillDirectory: () => string;
  readonly count: (vertex: number, metric: string, increment: number) => void;
  /** Something may be done that could not be before. */
  readonly wake: () => void;
}

/** Makes subtasks of the vertices of a job graph: input, chain of operators, sink and output. */
export class SubtaskBuilder {
  readonly #given: SubtaskParts;
  readonly #stream: StreamSettings | undefined;
  readonly #requests = new Map<Subtask, TimeRequests>();

  constructor(given: SubtaskParts) {
    this.#given = given;
    this.#stream = given.deployment.graph.stream;
  }

  /** A subtask whose operators are not open yet. */
  build(vertex: JobVertex, index: number): Subtask {
    const { host, workspace, channels, deployment } = this.#given;
    const stream = this.#stream;
    const nowMs = () => host.clock.nowMs();
    const output = new ExchangeOutput(
      workspace,
      channels.outgoing(vertex, index),
      index,
      gatheringFor(stream, { ...deployment, nowMs }),
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
    // Where barriers overtake rows, subtasks are at watermarks of their own.
    const mayBeOvertaken = operators.every(({ operator: { processWatermark, restoresAnyWatermark } }) => {
      return processWatermark === undefined || restoresAnyWatermark === true;
    });
    const incoming = source === undefined ? channels.incoming(vertex, index, mayBeOvertaken) : undefined;
    const input: SubtaskInput =
      source === undefined || incoming !== undefined
        ? this.#channelInput(vertex, incoming ?? [], index)
        : this.#sourceInput(vertex, source, index);
    const requests = new TimeRequests();
    const subtask: Subtask = new Subtask({
      name: vertex.name,
      vertex: vertex.id,
      index,
      input,
      inputCount: incoming?.length ?? 1,
      chain,
      output,
      ...(sink === undefined ? {} : { sink }),
      ...(stream === undefined ? {} : { stream: this.#streamTask(vertex, requests, () => subtask) }),
    });
    this.#requests.set(subtask, requests);
    return subtask;
  }

  /** Opens its operators. */
  open(subtask: Subtask, vertex: JobVertex): void {
    subtask.open((operator, position) => this.#context(vertex, subtask, position, operator));
  }

  #channelInput(vertex: JobVertex, incoming: InputChannel[][], subtask: number): SubtaskInput {
    const { host, workspace, deployment } = this.#given;
    const nowMs = () => host.clock.nowMs();
    if (this.#stream === undefined) return new ChannelInput(incoming, nowMs);
    const owner = inFlightOwner(deployment.graph, vertex, { workspace, subtask, parallelism: vertex.parallelism });
    return new ReplayingInput(incoming, owner, nowMs, () => host.crashPoint?.("checkpoint.aligning"));
  }

  #sourceInput(vertex: JobVertex, source: Source, subtask: number): SubtaskInput {
    const { workspace, host, deployment, count, stored } = this.#given;
    const context = {
      workspace,
      host,
      batchRows: deployment.batchRows,
      count: (metric: string, increment: number) => count(vertex.id, metric, increment),
    };
    const stream = this.#stream;
    if (stream === undefined) {
      const splits = new SplitClaims(deployment.splitClaims, vertex, stored.id);
      return new BoundedSourceInput(source, splits, context);
    }
    const { strategy } = vertex.source?.stream ?? {};
    const { alignment: spec } = strategy ?? {};
    const slots = spec && deployment.alignment?.[spec.group];
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
    const { workspace, host, snapshots } = this.#given;
    return {
      requests,
      workspace,
      nowMs: () => host.clock.nowMs(),
      onOvertaking: () => host.crashPoint?.("checkpoint.overtaking"),
      onBarrier: (barrier, write) => {
        host.crashPoint?.("checkpoint.snapshot");
        snapshots.take(subtaskOf(), vertex, barrier, write);
      },
    };
  }

  #openSource(vertex: JobVertex) {
    const { stored, connectors, host } = this.#given;
    const { source } = vertex;
    assert(source !== undefined, "a source vertex");
    if (source.spec.kind === STORED_KIND) return StoredSource.on(stored, source.spec);
    return source.local ?? connectors.source(source.spec.kind)(source.spec, host);
  }

  #openSink(vertex: JobVertex, subtask: number, schema: Schema): SubtaskSink {
    const { stored, connectors, host, workspace, job, deployment, count } = this.#given;
    assert(vertex.sink !== undefined, "a sink vertex");
    const { spec, local } = vertex.sink;
    const sink =
      spec.kind === STORED_KIND ? storedSink(stored, spec) : (local ?? connectors.sink(spec.kind)(spec, host));
    const writer: SinkWriter = sink.createWriter({
      workspace,
      host,
      schema,
      jobId: job,
      name: nameOfSink(vertex.sink),
      subtask,
      parallelism: vertex.parallelism,
      ...(this.#stream?.hasCheckpoints === true ? { hasCheckpoints: true } : {}),
      ...(deployment.restore?.isSavepoint === true ? { isBranch: true } : {}),
      count: (metric, increment) => count(vertex.id, metric, increment),
    });
    const { restore } = deployment;
    return new SubtaskSink(writer, { name: vertex.name, uid: vertex.sink.uid, restored: restore?.checkpointId });
  }

  #context(vertex: JobVertex, task: Subtask, position: number, operator: string): OperatorContext {
    const { job, workspace, host, deployment, spillDirectory, count } = this.#given;
    return {
      ...(this.#stream === undefined ? {} : { stream: this.#streamContext(this.#stream, vertex, task, position) }),
      jobId: job,
      workspace,
      host,
      subtask: task.index,
      parallelism: vertex.parallelism,
      batchRows: deployment.batchRows,
      memorySharers: deployment.memorySharers,
      operatorId: `${vertex.id}-${position}-${operator}`,
      spillDirectory: () => spillDirectory(),
      count: (metric, increment) => count(vertex.id, metric, increment),
    };
  }

  #streamContext(stream: StreamSettings, vertex: JobVertex, task: Subtask, position: number): StreamContext {
    const { host, wake } = this.#given;
    const { maxParallelism } = stream;
    const requests = this.#requests.get(task);
    return {
      maxParallelism,
      keyGroups: keyGroupRange(task.index, vertex.parallelism, maxParallelism),
      isBatchMode: stream.mode === "batch",
      processingTimeMs: () => host.clock.nowMs(),
      requestProcessTime: (atMs) => requests?.requestTime(position, atMs),
      wake: () => {
        requests?.wake(position);
        wake();
      },
    };
  }
}
