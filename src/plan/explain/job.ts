import type { Exchange, JobEdge, JobGraph } from "../../runtime/job-graph.ts";

/** A chain of operators that runs without queues in between, once per subtask. */
export interface ExplainedVertex {
  readonly id: number;
  readonly parallelism: number;
  /** "planner": the thread that planned the job, where user functions live. */
  readonly placement: "workers" | "planner";
  /** What runs in order: source, operators, sink. */
  readonly chain: readonly string[];
  readonly inputs: readonly ExplainedExchange[];
}

export interface ExplainedExchange {
  /** The vertex that the rows come from. */
  readonly from: number;
  /** Which input of the first operator they go to. */
  readonly input: number;
  readonly exchange: Exchange["kind"];
  /** For "hash": rows with equal values of these go to one subtask. */
  readonly keys?: readonly string[];
  /** Rows keep the order of each producer: the consumer merges. */
  readonly isOrdered: boolean;
  /** Present where the queue may hold everything, spilling to disk: why. */
  readonly buffered?: string;
}

export function explainJob(graph: JobGraph): ExplainedVertex[] {
  return graph.vertices.map((vertex) => {
    const { id, parallelism, placement, source, sink } = vertex;
    const read = source === undefined ? [] : [`read ${source.local?.description ?? source.spec.kind}`];
    const write = sink === undefined ? [] : [`write ${sink.spec.kind}`];
    return {
      id,
      parallelism,
      placement,
      chain: [...read, ...vertex.operators.map((operator) => operator.name), ...write],
      inputs: graph.edges.filter((edge) => edge.to === id).map((edge) => explainEdge(edge, graph)),
    };
  });
}

function explainEdge(edge: JobEdge, graph: JobGraph): ExplainedExchange {
  const { from, input, exchange } = edge;
  return {
    from,
    input,
    exchange: exchange.kind,
    ...(exchange.kind === "hash" ? { keys: exchange.keys } : {}),
    isOrdered: edge.ordered === true,
    ...(edge.buffered === true ? { buffered: whyBuffered(edge, graph) } : {}),
  };
}

function whyBuffered(edge: JobEdge, graph: JobGraph): string {
  const others = graph.edges.filter((other) => other !== edge && other.from === edge.from);
  const readers = [...new Set(others.map((other) => `#${other.to}`))].join(", ");
  return others.length === 0
    ? "its reader may take other inputs first"
    : `#${edge.from} also feeds ${readers}, which may read at another time`;
}
