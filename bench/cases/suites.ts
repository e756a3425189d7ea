/** All suites by the name under which `--only` asks for them. */
import type { Suite } from "../harness/suite.ts";
import { flinkPeer } from "./flink.ts";
import { groupBy } from "./group-by.ts";
import { join } from "./join.ts";
import { parquet } from "./parquet.ts";
import { tpch } from "./tpch.ts";

export const suites: Readonly<Record<string, Suite>> = { "group-by": groupBy, join, parquet, tpch, flink: flinkPeer };
