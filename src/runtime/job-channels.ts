import { assert } from "../core/errors.ts";
import type { OperatorContext } from "../core/operator.ts";
import { Schema } from "../core/schema.ts";
import type { Workspace } from "../core/workspace.ts";
import { BufferedChannel } from "./buffered-channel.ts";
import { type ChannelReader, type ChannelWriter, LocalChannel } from "./channel.ts";
import type { InputChannel } from "./channel-input.ts";
import type { OutgoingEdge } from "./exchange-output.ts";
import type { JobEdge, JobVertex } from "./job-graph.ts";
import { channelId, type Deployment, type PeerMessage, threadOf } from "./messages.ts";
import { type Credit, RemoteReader, RemoteWriter } from "./remote-channel.ts";

/** Batches that a queue holds before its producer waits. */
const QUEUE_BATCHES = 4;
/**
 * Those to other threads hold up to eight times as many while they are few bytes, or a small share of the thread's
 * memory: a thread takes nothing during a step, and one that decodes the first page of a column is long.
 */
const QUEUE_BYTES = 2 * 1024 * 1024;
const QUEUE_SHARE = 1 / 128;
const MOST_QUEUE_BATCHES = 8 * QUEUE_BATCHES;

/** A thread's links to the other threads of its pool. */
export interface Peers {
  send(thread: number, message: PeerMessage): void;
  /** The whole memory of another thread. */
  memory(thread: number): Uint8Array;
}

/** What buffered queues need to spill; they count for the vertex that reads them. */
type ChannelContext = Pick<OperatorContext, "workspace" | "host" | "spillDirectory"> & {
  count(vertex: number, metric: string, increment: number): void;
};

/**
 * The queues of one job that begin or end on one thread: a channel per pair of subtasks along each edge, inside the
 * thread or to a peer. Both ends of a local channel ask for it by its id; whoever comes first makes it.
 */
export class JobChannels {
  readonly #job: string;
  readonly #thread: number;
  readonly #deployment: Deployment;
  readonly #peers: Peers;
  readonly #context: ChannelContext;
  readonly #workspace: Workspace;
  readonly #capacity: number;
  readonly #localChannels = new Map<string, LocalChannel | BufferedChannel>();
  readonly #remoteReaders = new Map<string, RemoteReader>();
  readonly #remoteWriters = new Map<string, RemoteWriter>();

  constructor(job: string, thread: number, deployment: Deployment, peers: Peers, context: ChannelContext) {
    this.#job = job;
    this.#thread = thread;
    this.#deployment = deployment;
    this.#peers = peers;
    this.#context = context;
    this.#workspace = context.workspace;
    this.#capacity = deployment.queueBatches ?? QUEUE_BATCHES;
  }

  /** Per input of a subtask's first operator, the channels that feed it. `mayBeOvertaken`: as far as the edge allows it. */
  incoming(vertex: JobVertex, subtask: number, mayBeOvertaken: boolean): InputChannel[][] {
    const inputs: InputChannel[][] = [];
    for (const edge of this.#deployment.graph.edges) {
      if (edge.to !== vertex.id) continue;
      // Routes may leave a subtask without any channel: its input is over before it has begun.
      if (edge.ordered !== true) inputs[edge.input] ??= [];
      const producer = this.#vertex(edge.from);
      for (const from of feeders(edge, producer, vertex, subtask)) {
        const input = edge.ordered === true ? edge.input + from : edge.input;
        inputs[input] ??= [];
        const name = `${producer.name}, subtask ${from}`;
        const reader = this.#reader(edge, producer, from, vertex, subtask);
        inputs[input].push({ name, reader, mayBeOvertaken: mayBeOvertaken && edge.mayBeOvertaken === true });
      }
    }
    return inputs;
  }

  /** Per edge that leaves a vertex, the channels from one of its subtasks. */
  outgoing(vertex: JobVertex, subtask: number): OutgoingEdge[] {
    const { graph } = this.#deployment;
    return graph.edges
      .filter((edge) => edge.from === vertex.id)
      .map((edge) => {
        const consumer = this.#vertex(edge.to);
        const writers: ChannelWriter[] = [];
        for (let to = 0; to < consumer.parallelism; to++) {
          if (!feeders(edge, vertex, consumer, to).includes(subtask)) continue;
          writers.push(this.#writer(edge, subtask, consumer, to));
        }
        const tag = edge.tag === undefined ? {} : { tag: edge.tag };
        return { exchange: edge.exchange, to: consumer.name, writers, ...tag };
      });
  }

  onMessage(message: PeerMessage): void {
    const reader = this.#remoteReaders.get(message.channel);
    const writer = this.#remoteWriters.get(message.channel);
    if (message.type === "batch") reader?.onBatch(message.batch, message.dictionaries);
    else if (message.type === "control") reader?.onControl(message.element);
    else if (message.type === "end") reader?.onEnd();
    else if (message.type === "taken") writer?.onTaken();
    else writer?.onClosed();
  }

  /** Whether peers have taken every batch that was sent: their memory may go then. */
  get isDrained(): boolean {
    for (const writer of this.#remoteWriters.values()) if (!writer.isDrained) return false;
    return true;
  }

  close(): void {
    for (const channel of this.#localChannels.values()) channel.close();
    for (const reader of this.#remoteReaders.values()) reader.close();
    for (const writer of this.#remoteWriters.values()) writer.release();
  }

  #reader(edge: JobEdge, producer: JobVertex, from: number, consumer: JobVertex, to: number): ChannelReader {
    const id = channelId(this.#deployment.graph.edges.indexOf(edge), from, to);
    const producerThread = this.#threadOf(producer, from);
    if (producerThread === this.#thread) return this.#localChannel(id, edge);
    const schema = new Schema(consumer.inputs[edge.input]);
    const reader = new RemoteReader({
      job: this.#job,
      channel: id,
      workspace: this.#workspace,
      schema,
      sourceMemory: () => this.#peers.memory(producerThread),
      send: (message) => this.#peers.send(producerThread, message),
      ...(edge.buffered === true ? { buffer: this.#bufferedChannel(id, edge) } : {}),
    });
    this.#remoteReaders.set(id, reader);
    return reader;
  }

  #writer(edge: JobEdge, from: number, consumer: JobVertex, to: number): ChannelWriter {
    const id = channelId(this.#deployment.graph.edges.indexOf(edge), from, to);
    const consumerThread = this.#threadOf(consumer, to);
    if (consumerThread === this.#thread) return this.#localChannel(id, edge);
    const writer = new RemoteWriter(this.#job, id, this.#workspace, this.#creditTo(consumer), (message) =>
      this.#peers.send(consumerThread, message),
    );
    this.#remoteWriters.set(id, writer);
    return writer;
  }

  #creditTo(consumer: JobVertex): Credit {
    const { queueBatches, memoryBytes, graph } = this.#deployment;
    const batches = this.#capacity;
    // In a stream, what waits in queues is late.
    if (queueBatches !== undefined || graph.stream !== undefined) return { batches, mostBatches: batches, bytes: 0 };
    const bytes = Math.min(QUEUE_BYTES, memoryBytes * QUEUE_SHARE) / Math.max(1, consumer.parallelism - 1);
    return { batches, mostBatches: MOST_QUEUE_BATCHES, bytes };
  }

  #localChannel(id: string, edge: JobEdge): LocalChannel | BufferedChannel {
    let channel = this.#localChannels.get(id);
    if (channel === undefined) {
      channel = edge.buffered === true ? this.#bufferedChannel(id, edge) : new LocalChannel(this.#capacity);
      this.#localChannels.set(id, channel);
    }
    return channel;
  }

  #bufferedChannel(id: string, edge: JobEdge): BufferedChannel {
    const { count, ...context } = this.#context;
    return new BufferedChannel({
      ...context,
      operatorId: `channel ${id}`,
      subtask: 0,
      count: (metric, increment) => count(edge.to, metric, increment),
    });
  }

  #vertex(id: number): JobVertex {
    const vertex = this.#deployment.graph.vertices.find((candidate) => candidate.id === id);
    assert(vertex !== undefined, `vertex ${id} is in the graph`);
    return vertex;
  }

  #threadOf(vertex: JobVertex, subtask: number): number {
    return threadOf(vertex, subtask, this.#deployment.threads);
  }
}

/** The producer subtasks that feed one consumer subtask along an edge. */
function feeders({ exchange }: JobEdge, producer: JobVertex, consumer: JobVertex, subtask: number): number[] {
  if (exchange.kind === "forward") return [subtask];
  const all = Array.from({ length: producer.parallelism }, (_, i) => i);
  if (exchange.kind === "global") return subtask === 0 ? all : [];
  if (exchange.kind !== "rescale") return all;
  // Both sides are laid over the same line; those that overlap are neighbours.
  const [from, to] = [producer.parallelism, consumer.parallelism];
  return all.filter((i) =>
    from < to ? Math.floor((subtask * from) / to) === i : Math.floor((i * to) / from) === subtask,
  );
}
