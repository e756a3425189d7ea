/** Layers of the engine and what each may import; a layer may always import itself. */
export interface Layer {
  readonly imports: readonly string[];
  /** Said by the failing test. */
  readonly reason: string;
}

const SHARED_API = ["plan", "runtime", "connectors", "state", "core", "host"];
const API = ["api", ...SHARED_API];
const API_REASON = "an API builds logical graphs and starts jobs; what runs them lies below it";

export const LAYERS: Readonly<Record<string, Layer>> = {
  core: {
    imports: [],
    reason: "core is what everything stands on: where it needs something from above, it declares an interface",
  },
  state: { imports: ["core"], reason: "state backends implement interfaces that core declares, and are passed in" },
  connectors: {
    imports: ["core"],
    reason: "connectors implement interfaces that core declares, and are loaded by name",
  },
  runtime: { imports: ["core"], reason: "the runtime runs job graphs and knows neither plans, APIs nor connectors" },
  plan: { imports: ["runtime", "core"], reason: "plans become job graphs; the APIs that make plans stand above" },
  api: { imports: SHARED_API, reason: "what the APIs share stands below each of them" },
  dataset: { imports: API, reason: API_REASON },
  datastream: { imports: API, reason: API_REASON },
  table: { imports: ["dataset", "datastream", ...API], reason: "Table and SQL are written in terms of both APIs" },
  cep: { imports: ["datastream", ...API], reason: "patterns are found on data streams" },
  gelly: { imports: ["dataset", "api", "core"], reason: "the graph library uses the DataSet API as a user would" },
  host: { imports: ["core"], reason: "the host implements what core declares of the outside world" },
  testing: {
    imports: ["gelly", "table", "cep", "dataset", "datastream", ...API],
    reason: "the simulator drives the engine from outside, and nothing but cluster, web and cli stands above it",
  },
  cluster: {
    imports: ["table", "cep", "dataset", "datastream", ...API],
    reason: "job manager and task managers stand on the engine, below web and command line",
  },
  web: { imports: ["cluster", "table", "dataset", "datastream", ...API], reason: "the UI shows what a cluster runs" },
  cli: {
    imports: ["web", "cluster", "testing", "gelly", "table", "cep", "dataset", "datastream", ...API],
    reason: "the command line stands on top",
  },
};

/** Files that compose layers which do not know each other. */
export const COMPOSITIONS: Readonly<Record<string, { imports: readonly string[]; reason: string }>> = {
  "src/host/worker-entry.ts": {
    imports: ["datastream", "runtime", "connectors", "core"],
    reason:
      "a worker thread is the real host, the runtime, the connectors and the API that job modules use, put together",
  },
};

/** The layer of a file below src; undefined for the published entry points in src itself, which may import all. */
export function layerOf(path: string): string | undefined {
  const [, folder, ...rest] = path.split("/");
  return rest.length === 0 ? undefined : folder;
}
