import { PlanError } from "../core/errors.ts";
import type { SinkFactory } from "../core/sink.ts";
import type { SourceFactory } from "../core/source.ts";

/** Sources by the kind in their spec; each module is imported when a job first needs it. */
const SOURCES: Readonly<Record<string, () => Promise<SourceFactory>>> = {
  csv: async () => (await import("./csv/csv-source.ts")).csvSource,
  parquet: async () => (await import("./parquet/parquet-source.ts")).parquetSource,
};

const SINKS: Readonly<Record<string, () => Promise<SinkFactory>>> = {};

/** Finds connectors by kind. */
export const connectorRegistry = {
  sourceFactory: (kind: string): Promise<SourceFactory> => found(SOURCES, "source", kind)(),
  sinkFactory: (kind: string): Promise<SinkFactory> => found(SINKS, "sink", kind)(),
};

function found<T>(loaders: Readonly<Record<string, () => Promise<T>>>, what: string, kind: string): () => Promise<T> {
  if (Object.hasOwn(loaders, kind)) return loaders[kind];
  throw new PlanError(
    "CONNECTOR_UNKNOWN",
    `There is no ${what} of kind "${kind}".`,
    `The kinds are ${Object.keys(loaders).join(", ")}.`,
  );
}
