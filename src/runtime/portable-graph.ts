import { assert, PlanError } from "../core/errors.ts";
import { hasUserCode, type WatermarkStrategySpec } from "../core/time/watermark-strategy.ts";
import { formatType } from "../core/types.ts";
import type { JobGraph, JobSink, JobSource, JobVertex, LocalOperator, OperatorNode } from "./job-graph.ts";
import type { JobProgram } from "./job-program.ts";
import { sameRegionOf } from "./regions.ts";

/** An operator of user code without its code. */
type OperatorStub = Omit<LocalOperator, "create">;

/** The graph as it can be cloned to another thread: without functions, sources and sinks of the user's own. */
export function portableGraph(graph: JobGraph): JobGraph {
  const portable = (vertex: JobVertex): JobVertex => {
    const { source, sink, operators, ...rest } = vertex;
    if (vertex.placement === "planner") return { ...rest, operators: [] };
    return {
      ...rest,
      operators: operators.map(portableOperator),
      ...(source === undefined ? {} : { source: portableSource(source, graph) }),
      ...(sink === undefined ? {} : { sink: portableSink(sink, graph) }),
    };
  };
  return { ...graph, vertices: graph.vertices.map(portable) };
}

/**
 * A graph that was deployed, all or a part of what a program builds, with the user code of the one that this thread has
 * built from the same program.
 * @throws {PlanError} JOB_MODULE_NOT_DETERMINISTIC where the two are not of the same shape
 */
export function withUserCode(deployed: JobGraph, built: JobGraph, { spec, shape }: JobProgram): JobGraph {
  const own = graphShape(built);
  const at = shape.findIndex((part, i) => part !== own[i]);
  if (at >= 0 || own.length !== shape.length) {
    const there = shape[at] ?? "nothing more";
    const here = own[at < 0 ? shape.length : at] ?? "nothing more";
    throw notDeterministic(spec.module, `planned ${there} at first, and ${here} on a worker thread`);
  }
  const { vertices } = sameRegionOf(built, deployed);
  return {
    ...deployed,
    vertices: deployed.vertices.map((vertex, i) =>
      vertex.placement === "planner" ? vertex : vertexWithUserCode(vertex, vertices[i]),
    ),
  };
}

export function notDeterministic(module: string, difference: string): PlanError {
  return new PlanError(
    "JOB_MODULE_NOT_DETERMINISTIC",
    `The job module "${module}" is not deterministic: it ${difference}.`,
    "Every thread runs the module and must get the same plan: let it depend on the arguments alone, not on time, chance, environment variables or what else changes.",
  );
}

/** What must be equal where two threads plan one job, as text: a line per vertex, and one of the edges between them. */
export function graphShape({ vertices, edges }: JobGraph): string[] {
  const lines = vertices.map(({ name, id, parallelism, placement, slotGroup, inputs, operators, source, sink }) => {
    const columns = inputs.map((fields) => fields.map((field) => `${field.name} ${formatType(field.type)}`));
    const steps = operators.map(({ kind, name: step, uid }) => [kind, step, uid]);
    const ends = [source?.spec.kind, source?.stream?.uid, sink?.spec.kind, sink?.uid];
    return `"${name}" (${JSON.stringify([id, parallelism, placement, slotGroup, columns, steps, ends])})`;
  });
  return [...lines, `the exchanges ${JSON.stringify(edges)}`];
}

function vertexWithUserCode(vertex: JobVertex, built: JobVertex): JobVertex {
  const { source, sink } = vertex;
  return {
    ...vertex,
    operators: vertex.operators.map((operator, i) => operatorWithUserCode(operator, built.operators[i])),
    ...(source === undefined ? {} : { source: sourceWithUserCode(source, built.source) }),
    ...(sink === undefined || built.sink?.local === undefined ? {} : { sink: { ...sink, local: built.sink.local } }),
  };
}

function operatorWithUserCode(stub: OperatorNode, built: OperatorNode): OperatorNode {
  if (stub.kind !== "local") return stub;
  assert(built.kind === "local", "operators of graphs of one shape are of one kind");
  return { ...stub, create: (built as LocalOperator).create } as LocalOperator;
}

function sourceWithUserCode(source: JobSource, built: JobSource | undefined): JobSource {
  const { stream } = source;
  const strategy = built?.stream?.strategy;
  return {
    ...source,
    ...(built?.local === undefined ? {} : { local: built.local }),
    ...(stream === undefined || strategy === undefined ? {} : { stream: { ...stream, strategy } }),
  };
}

const portableOperator = (operator: OperatorNode): OperatorNode => {
  if (operator.kind !== "local") return operator;
  const { create: _, ...stub } = operator as LocalOperator;
  return stub satisfies OperatorStub as OperatorNode;
};

function portableSource({ spec, splits, stream, local }: JobSource, graph: JobGraph): JobSource {
  return {
    spec: describesUserCode(graph, local) ? { kind: spec.kind } : spec,
    splits,
    ...(stream === undefined
      ? {}
      : {
          stream: {
            ...stream,
            ...(stream.strategy === undefined ? {} : { strategy: portableStrategy(stream.strategy) }),
          },
        }),
  };
}

const portableSink = ({ id, spec, uid, local }: JobSink, graph: JobGraph): JobSink => ({
  id,
  spec: describesUserCode(graph, local) ? { kind: spec.kind } : spec,
  ...(uid === undefined ? {} : { uid }),
});

/** In a stream, a live object on the workers is one of the user's own, whose spec may hold anything. */
const describesUserCode = (graph: JobGraph, local: object | undefined): boolean =>
  graph.stream !== undefined && local !== undefined;

/** Without functions, which the program brings. */
function portableStrategy(strategy: WatermarkStrategySpec): WatermarkStrategySpec {
  if (!hasUserCode(strategy)) return strategy;
  return { ...strategy, timestamps: { kind: "kept" }, generator: { kind: "none" } };
}
