/** Whole programs as contenders: each run is a process of its own, from its start to its end. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { scanNamed, scanSql } from "../cases/parquet-scans.ts";
import { quote } from "../data/duckdb.ts";
import type { Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";
import { rowsAnswer } from "./columns.ts";

const run = promisify(execFile);

/** Runs `bench/programs/scan-ENGINE.mjs` on the scan of the case's name. */
export const scanProgram = (engine: "millrace" | "duckdb") => async (): Promise<Session> => {
  const program = fileURLToPath(new URL(`../programs/scan-${engine}.mjs`, import.meta.url));
  return {
    supports: () => true,
    async run({ name }) {
      const scan = scanNamed(name);
      const file = await scan.file();
      const sql = scanSql({ ...scan, relation: quote(file) });
      const { stdout } = await run(process.execPath, [program, JSON.stringify({ file, columns: scan.columns, sql })]);
      const { row, cpuMs } = JSON.parse(stdout) as { row: Record<string, unknown>; cpuMs: number };
      return { cpuMs, summary: async (shape) => summarise(rowsAnswer([row]), shape) };
    },
    close: () => undefined,
  };
};
