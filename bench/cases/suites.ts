/** All suites by the name under which `--only` asks for them, in the order in which they run. */
import type { Suite } from "../harness/suite.ts";
import { cold } from "./cold.ts";
import { flights } from "./flights.ts";
import { flinkPeer } from "./flink.ts";
import { groupBy } from "./group-by.ts";
import { join } from "./join.ts";
import { memory } from "./memory.ts";
import { parquet } from "./parquet.ts";
import { parquetWrite } from "./parquet-write.ts";
import { rowFunctions } from "./row-functions.ts";
import { tpch } from "./tpch.ts";

export const suites: Readonly<Record<string, Suite>> = {
  "group-by": groupBy,
  join,
  parquet,
  cold,
  "parquet-write": parquetWrite,
  tpch,
  flights,
  "row-functions": rowFunctions,
  memory,
  flink: flinkPeer,
};
