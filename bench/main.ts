/** Command line of the benchmarks; `scripts/bench.mjs` starts it after installing and building what is missing. */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { suites } from "./cases/suites.ts";
import { median, type Outcome } from "./harness/outcome.ts";
import { formatReport, groupMeans, ratioOf } from "./harness/report.ts";
import { runIsolated } from "./harness/run-isolated.ts";
import { runShared } from "./harness/run-shared.ts";
import type { BenchOptions } from "./harness/suite.ts";
import { benchNexmark } from "./nexmark/main.ts";
import { benchStreaming } from "./streaming/main.ts";

const list = (text: string | undefined): string[] | null => text?.split(",") ?? null;

if (process.argv[2] === "nexmark") process.exit(await benchNexmark(process.argv.slice(3)));
if (process.argv[2] === "streaming") process.exit(await benchStreaming(process.argv.slice(3)));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    cases: { type: "string" },
    engines: { type: "string" },
    rows: { type: "string", default: "1e7" },
    rounds: { type: "string", default: "5" },
    "warm-up": { type: "string", default: "8" },
    money: { type: "string", default: "decimal" },
    peer: { type: "string" },
    json: { type: "string" },
  },
});
if (positionals[0] !== "dataset") {
  console.error(`usage: npm run bench -- dataset [--only ${Object.keys(suites).join(",")}] [--cases A,B]
  [--engines A,B] [--rows N] [--rounds N] [--warm-up N] [--money decimal|double] [--peer flink] [--json FILE]
  npm run bench -- nexmark [--events N] [--rate N] [--cases q0,q5] [--engines A,B] [--rounds N] [--warm-up N] [--peer flink] [--json FILE]
  npm run bench -- streaming [--only windows,latency,half-load,memory,checkpoints,restore,increments,faulted] [--events N] [--rounds N] [--seconds N]`);
  process.exit(2);
}
const options: BenchOptions = {
  rows: Number(values.rows),
  rounds: Number(values.rounds),
  warmUp: Math.max(1, Number(values["warm-up"])),
  money: values.money === "double" ? "double" : "decimal",
  engines: list(values.engines),
  cases: list(values.cases),
  flink: values.peer === "flink",
};
const asked = list(values.only) ?? Object.keys(suites).filter((name) => name !== "flink" || options.flink);
const results: object[] = [];
let failed = false;
for (const name of asked) {
  const suite = suites[name];
  if (suite === undefined) throw new Error(`no suite ${name}; there are ${Object.keys(suites).join(", ")}`);
  const outcomes = await (suite.isolation === "shared" ? runShared : runIsolated)(suite, options);
  console.log(formatReport(suite, outcomes));
  failed ||= outcomes.some(({ failure }) => failure !== undefined);
  results.push({
    suite: name,
    timing: suite.timing,
    means: groupMeans(outcomes),
    cpuMeans: groupMeans(outcomes, "cpuTimes"),
    cases: outcomes.map((outcome) => toJson(outcome, outcomes)),
  });
}
if (values.json !== undefined) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), node: process.version };
  writeFileSync(values.json, `${JSON.stringify({ machine, options, results }, null, 2)}\n`);
}
process.exit(failed ? 1 : 0);

function toJson(outcome: Outcome, outcomes: readonly Outcome[]): object {
  const { question, engine, times, cpuTimes, coldMs, peakRssMiB, failure } = outcome;
  const medianMs = times.length === 0 ? null : median(times);
  return {
    case: question.name,
    group: question.group,
    engine,
    medianMs,
    times,
    cpuMs: cpuTimes.length === 0 ? null : median(cpuTimes),
    ratio: ratioOf(outcome, outcomes),
    cpuRatio: ratioOf(outcome, outcomes, "cpuTimes"),
    perSecond: medianMs === null ? null : (question.amount.count / medianMs) * 1000,
    unit: question.amount.unit,
    coldMs,
    peakRssMiB,
    failure,
  };
}
