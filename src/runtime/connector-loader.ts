import { PlanError } from "../core/errors.ts";
import type { SinkFactory } from "../core/sink.ts";
import { loadTableFormat } from "../core/snapshot-tables.ts";
import type { SourceFactory } from "../core/source.ts";
import type { JobGraph, JobSink, JobSource } from "./job-graph.ts";
import { STORED_KIND } from "./stored-source.ts";
import type { Connectors } from "./subtask-builder.ts";

/** Finds the factory of a connector by kind, importing its module on first use. */
export interface ConnectorRegistry {
  sourceFactory(kind: string): Promise<SourceFactory>;
  sinkFactory(kind: string): Promise<SinkFactory>;
}

/** Loads what a job's graph names, so that building its subtasks needs no await, and what its snapshots need. */
export async function loadConnectors(registry: ConnectorRegistry, graph: JobGraph): Promise<Connectors> {
  const sources = new Map<string, SourceFactory>();
  const sinks = new Map<string, SinkFactory>();
  for (const { source, sink } of graph.vertices) {
    if (needsImport(source) && !sources.has(source.spec.kind)) {
      sources.set(source.spec.kind, await registry.sourceFactory(source.spec.kind));
    }
    if (needsImport(sink) && !sinks.has(sink.spec.kind)) {
      sinks.set(sink.spec.kind, await registry.sinkFactory(sink.spec.kind));
    }
  }
  if (graph.stream !== undefined) await loadTableFormat();
  return { source: (kind) => found(sources, kind), sink: (kind) => found(sinks, kind) };
}

/** A live object needs none, and stored tables are the runtime's own. */
const needsImport = <T extends JobSource | JobSink>(end: T | undefined): end is T =>
  end !== undefined && end.local === undefined && end.spec.kind !== STORED_KIND;

function found<T>(factories: ReadonlyMap<string, T>, kind: string): T {
  const factory = factories.get(kind);
  if (factory === undefined) {
    throw new PlanError("CONNECTOR_UNKNOWN", `There is no connector "${kind}".`, "Check the name of the format.");
  }
  return factory;
}
