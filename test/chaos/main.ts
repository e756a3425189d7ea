// `npm run test:chaos -- --kills N [--seed S] [--sinks files,postgres]`: see docs/reliability.md.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startPostgres, VARIABLES } from "../../scripts/services/postgres.mjs";
import { ChaosFailure, runChaos } from "./chaos.ts";
import { checksumOfRows } from "./output.ts";

const USAGE = "Usage: npm run test:chaos -- [--kills N] [--seed S] [--sinks files|files,postgres]";
const NEWS_EVERY = 25;

/** The URL of a server; undefined where there is none and none was asked for. */
async function serverUrl(isRequired: boolean): Promise<string | undefined> {
  for (const variable of VARIABLES) if (process.env[variable] !== undefined) return process.env[variable];
  try {
    return (await startPostgres({ watchedPid: process.pid })).url;
  } catch (thrown) {
    if (isRequired) throw thrown;
    console.log(`NO PostgreSQL, so files alone: ${(thrown as Error).message}`);
    return undefined;
  }
}

function options() {
  try {
    const texts = { kills: { type: "string" }, seed: { type: "string" }, sinks: { type: "string" } } as const;
    const { values } = parseArgs({ options: texts });
    const [kills, seed] = [Number(values.kills ?? 100), Number(values.seed ?? Date.now() % 1_000_000)];
    const isRun = Number.isInteger(kills) && kills > 0 && Number.isInteger(seed);
    if (isRun && [undefined, "files", "files,postgres"].includes(values.sinks))
      return { kills, seed, sinks: values.sinks };
  } catch {
    // An option that there is not.
  }
  console.error(USAGE);
  return process.exit(2);
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

const { kills, seed, sinks } = options();
const isRequired = sinks === "files,postgres" || process.env.MILLRACE_REQUIRE_SERVICES === "1";
const postgresUrl = sinks === "files" ? undefined : await serverUrl(isRequired);
console.log(`${kills} kills, seed ${seed}, sinks: ${postgresUrl === undefined ? "files" : "files and PostgreSQL"}`);
const startedMs = performance.now();
try {
  const result = await runChaos({
    kills,
    seed,
    directory: mkdtempSync(join(tmpdir(), "millrace-chaos-")),
    ...(postgresUrl === undefined ? {} : { postgresUrl }),
    onLife: ({ kill, visible }) => {
      if (kill % NEWS_EVERY > 0) return;
      const rows = visible.journal.size + visible.hours.size;
      console.log(`${kill} kills survived, ${rows} rows visible, ${seconds(performance.now() - startedMs)}`);
    },
  });
  console.log("\nKilled at:");
  for (const [moment, times] of Object.entries(result.moments).sort(([, a], [, b]) => b - a)) {
    console.log(`${String(times).padStart(6)}  ${moment}`);
  }
  console.log(`\nWritten of ${result.reports} reports, as an undisturbed run writes it:`);
  for (const [output, rows] of Object.entries(result.written)) {
    console.log(`${String(rows.size).padStart(9)} rows  ${checksumOfRows(rows)}  ${output}`);
  }
  const each = seconds(result.killedMs / kills);
  console.log(`\n${kills} kills survived in ${seconds(result.killedMs)}, ${each} each.`);
  process.exit(0);
} catch (thrown) {
  console.error(thrown instanceof ChaosFailure ? `FAILED, ${thrown.message}` : thrown);
  process.exit(1);
}
