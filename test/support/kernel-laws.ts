/**
 * Which laws hold kernels to what they mean, family by family, where no test calls them by their names: the law runs them
 * through the binding that the engine uses, over random input, and compares with a readable twin (in test/reference, or
 * beside the law), or with another program where `twin` names one.
 */
export interface FamilyLaws {
  readonly laws: readonly string[];
  readonly twin: string;
}

const AGGREGATES = { laws: ["core/operators/hash-aggregate"], twin: "reference/aggregates" };
const EXPRESSIONS = { laws: ["expressions/expressions", "expressions/kernels"], twin: "reference/expressions" };
const CSV = { laws: ["connectors/csv"], twin: "reference/csv-records" };
const PARQUET = {
  laws: ["connectors/parquet-round-trip", "connectors/parquet-scan-filter", "connectors/parquet-hostile"],
  twin: "what was written, and parquetjs",
};

/** By the file below kernels/; laws are files below test/property/. */
export const KERNEL_LAWS: Readonly<Record<string, FamilyLaws>> = {
  "aggregate-all": AGGREGATES,
  "aggregate-extreme": AGGREGATES,
  "aggregate-list": AGGREGATES,
  "aggregate-moments": AGGREGATES,
  "aggregate-sum": AGGREGATES,
  arithmetic: EXPRESSIONS,
  bitmap: EXPRESSIONS,
  boolean: EXPRESSIONS,
  cast: EXPRESSIONS,
  "chain-index": { laws: ["streams/interval-join"], twin: "the nested loop beside the law" },
  changes: { laws: ["state/table-changes"], twin: "the snapshot that is written whole, beside the law" },
  changelog: {
    laws: ["streams/updating-aggregate", "streams/ranked-rows", "streams/updating-join"],
    twin: "the fold over all rows beside the laws, reference/ranked-rows",
  },
  compare: EXPRESSIONS,
  "count-window": { laws: ["streams/count-aggregate"], twin: "the lists of rows beside the law" },
  csv: CSV,
  "csv-numbers": CSV,
  "csv-strings": CSV,
  "csv-times": CSV,
  datetime: EXPRESSIONS,
  decimal: EXPRESSIONS,
  "decimal-words": EXPRESSIONS,
  gather: {
    laws: ["core/columns/gather", "expressions/nested", "core/operators/hash-aggregate"],
    twin: "reference/nested",
  },
  group: { laws: ["core/groups/group-table", "streams/updating-aggregate"], twin: "reference/groups" },
  hash: { laws: ["core/hash"], twin: "reference/hash" },
  "hash-table": { laws: ["core/groups/group-table"], twin: "reference/groups" },
  join: { laws: ["joins", "streams/window-join"], twin: "reference/join" },
  "join-sorted": { laws: ["joins"], twin: "reference/join" },
  "key-rows": { laws: ["core/key-rows"], twin: "the values beside the law" },
  list: { laws: ["expressions/nested"], twin: "reference/nested" },
  lz4: { laws: ["connectors/parquet-round-trip"], twin: "files of other writers" },
  math: EXPRESSIONS,
  membership: EXPRESSIONS,
  merge: { laws: ["sort-rows", "order-operators", "sort"], twin: "reference/sort" },
  module: { laws: ["core/groups/group-table"], twin: "what reads the memory that they give" },
  null: EXPRESSIONS,
  "packed-rows": { laws: ["packed-rows"], twin: "gathered columns beside the law" },
  "parquet-bounds": PARQUET,
  "parquet-delta": PARQUET,
  "parquet-encode": PARQUET,
  "parquet-hybrid": PARQUET,
  "parquet-nesting": PARQUET,
  "parquet-pick": PARQUET,
  "parquet-spread": PARQUET,
  "parquet-values": PARQUET,
  partition: { laws: ["partial-groups-threads", "plan-engine"], twin: "reference/plan-interpreter" },
  ranked: { laws: ["streams/ranked-rows"], twin: "reference/ranked-rows" },
  "ranked-tree": { laws: ["streams/ranked-rows"], twin: "reference/ranked-rows" },
  "row-store": { laws: ["streams/interval-join", "streams/updating-join"], twin: "the nested loop beside the laws" },
  sequence: { laws: ["connectors/offsets"], twin: "the numbers beside the law" },
  session: {
    laws: ["streams/session-aggregate", "streams/session-join"],
    twin: "reference/session-rows, reference/joined-windows",
  },
  sort: { laws: ["sort-rows", "order-operators"], twin: "reference/sort" },
  "sort-key": { laws: ["joins", "sort-rows"], twin: "reference/sort" },
  string: EXPRESSIONS,
  temporal: { laws: ["streams/temporal-join"], twin: "the versions beside the law" },
  "updating-join": { laws: ["streams/updating-join"], twin: "the nested loop beside the law" },
  utf8: {
    laws: ["dataset-plans", "connectors/rolling-files"],
    twin: "test/property/utf8.test.ts holds its table; TextDecoder",
  },
  window: {
    laws: ["streams/window-aggregate", "streams/two-phase-windows"],
    twin: "reference/windows, reference/windowed-rows",
  },
  "window-pane": {
    laws: ["core/windows/pane-table", "streams/window-join", "streams/window-aggregate"],
    twin: "reference/windows",
  },
};

/** Kernels that only other kernels call; exported since these lie in other files. */
export const OF_OTHER_KERNELS: ReadonlySet<string> = new Set([
  "csvDecimalToDouble",
  "decimalToDouble",
  "hashCombine",
  "hashFloatBits",
  "hashWord",
  "rankedIsBetter",
]);
