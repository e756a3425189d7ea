/** The same program over DuckDB. Started by cold.ts. */
import { DuckDBInstance } from "@duckdb/node-api";

const { sql } = JSON.parse(process.argv[2]);
const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
const connection = await instance.connect();
const reader = await connection.runAndReadAll(sql);
const [row] = reader.getRowObjectsJson();
const { user, system } = process.cpuUsage();
process.stdout.write(JSON.stringify({ row, cpuMs: (user + system) / 1000 }));
