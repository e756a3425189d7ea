/**
 * The queries of Nexmark that the benchmark runs, after their Flink edition.
 * Windows are by event time, aligned to the epoch; a bounded run closes all of them at its end. The answer of a query
 * whose result changes is what its changelog leaves in the end. Averages of whole numbers are cut to whole numbers.
 */
import { distinctQueries } from "./distinct.ts";
import { joinQueries } from "./joins.ts";
import type { NexmarkQuery } from "./query.ts";
import { rankQueries } from "./ranks.ts";
import { rowQueries } from "./rows.ts";
import { windowQueries } from "./windows.ts";

const all: Readonly<Record<string, NexmarkQuery>> = {
  ...rowQueries,
  ...joinQueries,
  ...windowQueries,
  ...distinctQueries,
  ...rankQueries,
};

/** By name, q0 to q22. */
export const nexmarkQueries: Readonly<Record<string, NexmarkQuery>> = Object.fromEntries(
  Object.entries(all).sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1))),
);
