/** The engines by the names under which `--engines` asks for them, in the order of the report; one thread each, but "-2". */
import { NexmarkDuckDB } from "./duckdb.ts";
import type { NexmarkEngine } from "./engine.ts";
import { NexmarkFlink } from "./flink.ts";
import { NexmarkMillrace } from "./millrace.ts";

export const nexmarkEngines: Readonly<Record<string, () => Promise<NexmarkEngine>>> = {
  flink: () => NexmarkFlink.open("hashmap", 1),
  "flink-rocksdb": () => NexmarkFlink.open("rocksdb", 1),
  millrace: async () => new NexmarkMillrace(1),
  "millrace-2": async () => new NexmarkMillrace(2),
  duckdb: () => NexmarkDuckDB.open(1),
};
