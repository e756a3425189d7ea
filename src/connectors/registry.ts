import { PlanError } from "../core/errors.ts";
import type { SinkFactory, SinkSpec } from "../core/sink.ts";
import type { SourceFactory } from "../core/source.ts";
import type { FileFormat } from "./files/file-format.ts";
import type { MonitoredFormat } from "./monitor/file-monitor-source.ts";

/** Modules are imported on first use, so that a job pays only for the connectors that it names. */
const SOURCES: Readonly<Record<string, () => Promise<SourceFactory>>> = {
  arrow: async () => (await import("./arrow/arrow-source.ts")).arrowSource,
  csv: async () => (await import("./csv/csv-source.ts")).csvSource,
  generator: async () => (await import("./generator/generator-source.ts")).generatorSource,
  json: async () => (await import("./json/json-source.ts")).jsonSource,
  memory: async () => (await import("./memory/memory-source.ts")).memorySource,
  "monitor-arrow": () => monitor("arrow"),
  "monitor-csv": () => monitor("csv"),
  "monitor-json": () => monitor("json"),
  "monitor-parquet": () => monitor("parquet"),
  "monitor-text": () => monitor("text"),
  parquet: async () => (await import("./parquet/parquet-source.ts")).parquetSource,
  sequence: async () => (await import("./sequence/sequence-source.ts")).sequenceSource,
  socket: async () => (await import("./socket/socket-text-source.ts")).socketTextSource,
  text: async () => (await import("./text/text-source.ts")).textSource,
};

const SINKS: Readonly<Record<string, () => Promise<SinkFactory>>> = {
  arrow: async () => (await import("./arrow/arrow-sink.ts")).arrowSink,
  blackhole: async () => (await import("./blackhole/blackhole-sink.ts")).blackholeSink,
  csv: async () => (await import("./csv/csv-sink.ts")).csvSink,
  json: async () => (await import("./json/json-sink.ts")).jsonSink,
  parquet: async () => (await import("./parquet/parquet-sink.ts")).parquetSink,
  postgres: async () => (await import("./postgres/postgres-sink.ts")).postgresSink,
  print: async () => (await import("./print/print-sink.ts")).printSink,
  "rolling-arrow": async () => rolling((await import("./arrow/arrow-sink.ts")).arrowFormat),
  "rolling-csv": async () => rolling((await import("./csv/csv-sink.ts")).csvFormat),
  "rolling-json": async () => rolling((await import("./json/json-sink.ts")).jsonFormat),
  "rolling-parquet": async () => rolling((await import("./parquet/parquet-sink.ts")).parquetFormat),
  "rolling-text": async () => rolling((await import("./text/text-sink.ts")).textFormat),
  socket: async () => (await import("./socket/socket-sink.ts")).socketSink,
  text: async () => (await import("./text/text-sink.ts")).textSink,
};

async function monitor(format: MonitoredFormat): Promise<SourceFactory> {
  const [{ fileMonitorSource }, { monitoredReader }, source] = await Promise.all([
    import("./monitor/file-monitor-source.ts"),
    import("./monitor/monitored-readers.ts"),
    SOURCES[format](),
  ]);
  return fileMonitorSource(monitoredReader(format, source));
}

async function rolling(formatOf: (spec: SinkSpec) => FileFormat): Promise<SinkFactory> {
  return (await import("./rolling/rolling-file-sink.ts")).rollingSink(formatOf);
}

/** The connectors of this package by kind. */
export const connectorRegistry = {
  sourceFactory: (kind: string): Promise<SourceFactory> => load(SOURCES, "source", kind),
  sinkFactory: (kind: string): Promise<SinkFactory> => load(SINKS, "sink", kind),
};

/** Imports every connector now, so that no job waits for one. */
export async function loadAllConnectors(): Promise<void> {
  await Promise.all([
    ...Object.keys(SOURCES).map((kind) => load(SOURCES, "source", kind)),
    ...Object.keys(SINKS).map((kind) => load(SINKS, "sink", kind)),
  ]);
}

/** Whatever has been imported: a simulation cannot wait for an import, not even for one that is done already. */
const loaded = new Map<string, unknown>();

async function load<T>(known: Readonly<Record<string, () => Promise<T>>>, what: string, kind: string): Promise<T> {
  if (Object.hasOwn(known, kind)) {
    const name = `${what} ${kind}`;
    const factory = (loaded.get(name) as T | undefined) ?? (await known[kind]());
    loaded.set(name, factory);
    return factory;
  }
  throw new PlanError(
    "CONNECTOR_UNKNOWN",
    `There is no ${what} of the kind "${kind}".`,
    `Known kinds are ${Object.keys(known).join(", ")}.`,
  );
}
