import { assert } from "../core/errors.ts";
import { Schema } from "../core/schema.ts";
import type { Sink, SinkSpec } from "../core/sink.ts";
import type { Exchange, JobEdge, JobGraph, JobSource, JobVertex, OperatorNode } from "../runtime/job-graph.ts";
import { createOperator } from "../runtime/operator-factory.ts";
import type { OrderKey } from "./logical.ts";

/** What is known of how a stream's rows lie over its subtasks; inferred, never declared by users. */
export type Distribution =
  /** One subtask has all rows. */
  | { readonly kind: "single" }
  /** Rows with equal values of these columns are in one subtask, by the engine's key hash. */
  | { readonly kind: "hash"; readonly keys: readonly string[] }
  /** Every subtask has all rows. */
  | { readonly kind: "replicated" }
  | { readonly kind: "any" };

/** The output of a vertex that is being built: more operators can still be chained to it. */
export interface PhysicalStream {
  readonly vertex: VertexBuilder;
  readonly schema: Schema;
  readonly distribution: Distribution;
  /** Order of the rows inside each subtask. */
  readonly order: readonly OrderKey[];
  /** The user asked for these partitions: user code over them runs once per partition. */
  readonly isPartitioned?: boolean;
}

export interface VertexBuilder {
  readonly id: number;
  readonly parallelism: number;
  readonly placement: JobVertex["placement"];
  readonly source?: JobSource;
  readonly inputs: Schema[];
  readonly operators: OperatorNode[];
  sink?: JobVertex["sink"];
  /** Read by several consumers, or written: nothing more is chained to it. */
  isSealed: boolean;
}

/** Assembles vertices and edges, chaining operators where no exchange is needed. */
export class JobGraphBuilder {
  /** Threads that "workers" vertices spread over. */
  readonly parallelism: number;
  readonly #vertices: VertexBuilder[] = [];
  readonly #edges: JobEdge[] = [];
  /** Every operator in the order in which it was placed. */
  readonly #placed: { vertex: VertexBuilder; index: number }[] = [];
  #sinkCount = 0;

  constructor(parallelism: number) {
    this.parallelism = parallelism;
  }

  source(source: JobSource, schema: Schema, parallelism: number, isPinned: boolean): PhysicalStream {
    const vertex = this.#vertex(parallelism, isPinned ? "planner" : "workers", [], source);
    return { vertex, schema, distribution: parallelism === 1 ? { kind: "single" } : { kind: "any" }, order: [] };
  }

  /** Puts an operator behind a stream, in the same subtask where possible. What it does to rows is said in `effect`. */
  append(
    stream: PhysicalStream,
    operator: OperatorNode,
    effect: { distribution?: Distribution; order?: readonly OrderKey[] } = {},
  ): PhysicalStream {
    const { outputSchema } = createOperator(operator, [stream.schema]);
    const { distribution = stream.distribution, order = [] } = effect;
    const { isPartitioned = false } = stream;
    const vertex = this.#chainable(stream);
    this.#place(vertex, operator);
    return { vertex, schema: outputSchema, distribution, order, isPartitioned };
  }

  /** Sends a stream to subtasks of a new vertex. */
  exchange(
    stream: PhysicalStream,
    exchange: Exchange,
    target: { parallelism: number; placement: JobVertex["placement"]; distribution: Distribution },
  ): PhysicalStream {
    const schema = exchange.kind === "numbered" ? withoutColumn(stream.schema, exchange.column) : stream.schema;
    const vertex = this.#vertex(target.parallelism, target.placement, [schema]);
    this.#edge({ from: stream.vertex.id, to: vertex.id, input: 0, exchange });
    return { vertex, schema, distribution: target.distribution, order: [] };
  }

  /** A new vertex that reads several streams with one operator; each comes over its own exchange. */
  combine(
    inputs: readonly { stream: PhysicalStream; exchange: Exchange }[],
    operator: OperatorNode,
    target: {
      parallelism: number;
      placement: JobVertex["placement"];
      distribution: Distribution;
      order?: readonly OrderKey[];
    },
  ): PhysicalStream {
    const schemas = inputs.map(({ stream }) => stream.schema);
    const vertex = this.#vertex(target.parallelism, target.placement, schemas);
    for (const [input, { stream, exchange }] of inputs.entries()) {
      this.#edge({ from: stream.vertex.id, to: vertex.id, input, exchange });
    }
    this.#place(vertex, operator);
    const { outputSchema } = createOperator(operator, schemas);
    return { vertex, schema: outputSchema, distribution: target.distribution, order: target.order ?? [] };
  }

  /** All rows of several streams of one schema, in one vertex without an operator of its own. */
  union(streams: readonly PhysicalStream[], schema: Schema, parallelism: number): PhysicalStream {
    const vertex = this.#vertex(parallelism, "workers", [schema]);
    for (const stream of streams) {
      const exchange: Exchange = { kind: parallelism === 1 ? "gather" : "rebalance" };
      this.#edge({ from: stream.vertex.id, to: vertex.id, input: 0, exchange });
    }
    return { vertex, schema, distribution: parallelism === 1 ? { kind: "single" } : { kind: "any" }, order: [] };
  }

  /** The sorted subtasks of a stream merged into one; `operator` has as many inputs as the stream has subtasks. */
  merge(stream: PhysicalStream, operator: OperatorNode, order: readonly OrderKey[]): PhysicalStream {
    const vertex = this.#vertex(1, "workers", Array(stream.vertex.parallelism).fill(stream.schema));
    this.#edge({ from: stream.vertex.id, to: vertex.id, input: 0, exchange: { kind: "gather" }, ordered: true });
    this.#place(vertex, operator);
    return { vertex, schema: stream.schema, distribution: { kind: "single" }, order };
  }

  /** Writes a stream; `local` is set where the sink hands rows to the caller, or commits a stored table. */
  sink(stream: PhysicalStream, spec: SinkSpec, local?: Sink): void {
    const vertex = this.#chainable(stream);
    vertex.sink = { id: this.#sinkCount++, spec, ...(local === undefined ? {} : { local }) };
    vertex.isSealed = true;
  }

  /** A stream that several consumers read: each of them starts a vertex of its own. */
  share(stream: PhysicalStream): PhysicalStream {
    stream.vertex.isSealed = true;
    return stream;
  }

  /** How many operators are placed; a mark for `markSince`. */
  get placedCount(): number {
    return this.#placed.length;
  }

  /** Marks the operators placed since then that have no mark yet with the place in the user's code. */
  markSince(mark: number, callSite: string): void {
    for (const { vertex, index } of this.#placed.slice(mark)) {
      const operator = vertex.operators[index];
      if (operator.callSite === undefined) vertex.operators[index] = { ...operator, callSite };
    }
  }

  build(): JobGraph {
    const consumers = new Map<number, number>();
    for (const edge of this.#edges) consumers.set(edge.from, (consumers.get(edge.from) ?? 0) + 1);
    return {
      vertices: this.#vertices.map(({ isSealed: _, inputs, ...vertex }) => ({
        ...vertex,
        name: vertexName(vertex),
        inputs: inputs.map((schema) => schema.fields),
      })),
      // One producer that feeds several inputs never waits for one of them: they may be read in turn.
      edges: this.#edges.map((edge) => ((consumers.get(edge.from) ?? 0) > 1 ? { ...edge, buffered: true } : edge)),
    };
  }

  #place(vertex: VertexBuilder, operator: OperatorNode): void {
    this.#placed.push({ vertex, index: vertex.operators.length });
    vertex.operators.push(operator);
  }

  #chainable(stream: PhysicalStream): VertexBuilder {
    if (!stream.vertex.isSealed) return stream.vertex;
    const { parallelism, placement } = stream.vertex;
    const vertex = this.#vertex(parallelism, placement, [stream.schema]);
    this.#edge({ from: stream.vertex.id, to: vertex.id, input: 0, exchange: { kind: "forward" } });
    return vertex;
  }

  #vertex(parallelism: number, placement: JobVertex["placement"], inputs: Schema[], source?: JobSource): VertexBuilder {
    const vertex: VertexBuilder = {
      id: this.#vertices.length,
      parallelism,
      placement,
      inputs,
      operators: [],
      isSealed: false,
      ...(source === undefined ? {} : { source }),
    };
    this.#vertices.push(vertex);
    return vertex;
  }

  #edge(edge: JobEdge): void {
    assert(edge.from !== edge.to, "an edge joins two vertices");
    const from = this.#vertices[edge.from];
    from.isSealed = true;
    this.#edges.push(edge);
  }
}

const withoutColumn = (schema: Schema, name: string): Schema =>
  new Schema(schema.fields.filter((field) => field.name !== name));

function vertexName(vertex: Pick<VertexBuilder, "source" | "operators" | "sink">): string {
  const parts = vertex.operators.map((operator) => operator.name);
  if (vertex.source !== undefined) parts.unshift(vertex.source.local?.description ?? vertex.source.spec.kind);
  if (vertex.sink !== undefined) parts.push(`write ${vertex.sink.spec.kind}`);
  return parts.length === 0 ? "exchange" : parts.join(" -> ");
}
