/** Prints outcomes as one table per suite. */
import { geometricMean, median, type Outcome } from "./outcome.ts";
import type { Suite } from "./suite.ts";

/** The engine whose time an engine's ratio refers to: DuckDB with as many threads. */
export function baselineOf(engine: string): string {
  return engine.endsWith("-2") ? "duckdb-2" : "duckdb";
}

/** What is compared: time on the clock, or processor time, which neighbours on the machine disturb less. */
export type Clock = "times" | "cpuTimes";

/** Baseline time divided by the engine's time: above 1 means faster than DuckDB. Null if either is missing. */
export function ratioOf(outcome: Outcome, outcomes: readonly Outcome[], clock: Clock = "times"): number | null {
  // Flink works in a process of its own, whose processor time is not seen here.
  if (clock === "cpuTimes" && outcome.engine.startsWith("flink")) return null;
  const baseline = outcomes.find(
    ({ question, engine }) => question.name === outcome.question.name && engine === baselineOf(outcome.engine),
  );
  if (baseline === undefined || baseline.times.length === 0 || outcome.times.length === 0) return null;
  return median(baseline[clock]) / median(outcome[clock]);
}

/** Geometric mean of the ratios per group and engine, over the cases that the engine answered. */
export function groupMeans(
  outcomes: readonly Outcome[],
  clock: Clock = "times",
): { group: string; engine: string; ratio: number; cases: number }[] {
  const groups = [...new Set(outcomes.map(({ question }) => question.group))];
  const engines = [...new Set(outcomes.map(({ engine }) => engine))];
  return groups.flatMap((group) =>
    engines.flatMap((engine) => {
      const ratios = outcomes
        .filter((outcome) => outcome.question.group === group && outcome.engine === engine)
        .flatMap((outcome) => ratioOf(outcome, outcomes, clock) ?? []);
      return ratios.length === 0 ? [] : [{ group, engine, ratio: geometricMean(ratios), cases: ratios.length }];
    }),
  );
}

/** The suite's table: per case and engine the median time and, behind it, the ratio to DuckDB. */
export function formatReport(suite: Suite, outcomes: readonly Outcome[]): string {
  const engines = [...new Set(outcomes.map(({ engine }) => engine))];
  const names = [...new Set(outcomes.map(({ question }) => question.name))];
  const find = (name: string, engine: string): Outcome | undefined =>
    outcomes.find((outcome) => outcome.question.name === name && outcome.engine === engine);
  const rows = names.map((name) => [name, ...engines.map((engine) => cellOf(find(name, engine), outcomes))]);
  for (const group of new Set(outcomes.map(({ question }) => question.group))) {
    for (const clock of ["times", "cpuTimes"] as const) {
      const means = groupMeans(outcomes, clock).filter((mean) => mean.group === group);
      const mean = (engine: string): string => {
        const found = means.find((candidate) => candidate.engine === engine);
        return found === undefined ? "" : `${found.ratio.toFixed(2)}x of ${found.cases}`;
      };
      rows.push([`= ${group}${clock === "times" ? "" : ", processor time"}`, ...engines.map(mean)]);
    }
  }
  const failures = outcomes.flatMap(({ question, engine, failure }) =>
    failure === undefined ? [] : [`FAILED ${suite.name} ${question.name} ${engine}: ${failure}`],
  );
  const cold = outcomes.some(({ coldMs }) => coldMs !== undefined) ? processLines(outcomes) : [];
  return [
    `\n${suite.name}: ${suite.timing}`,
    ...align([["ms (ratio)", ...engines], ...rows]),
    ...cold,
    ...failures,
  ].join("\n");
}

function cellOf(outcome: Outcome | undefined, outcomes: readonly Outcome[]): string {
  if (outcome === undefined) return "-";
  if (outcome.failure !== undefined) return "FAILED";
  const ms = median(outcome.times);
  const ratio = ratioOf(outcome, outcomes);
  const rate = outcome.question.amount.count / ms / 1000;
  const unit = outcome.question.amount.unit === "rows" ? "Mrow/s" : "Mval/s";
  return `${ms.toFixed(ms < 100 ? 1 : 0)}${ratio === null ? "" : ` (${ratio.toFixed(2)}x)`} ${rate.toFixed(rate < 10 ? 1 : 0)} ${unit}`;
}

/** Cold time and peak memory of engines that ran in processes of their own. */
function processLines(outcomes: readonly Outcome[]): string[] {
  const rows = outcomes.flatMap(({ question, engine, coldMs, peakRssMiB }) =>
    coldMs === undefined ? [] : [[question.name, engine, coldMs.toFixed(0), (peakRssMiB ?? 0).toFixed(0)]],
  );
  return ["first run in a fresh process:", ...align([["case", "engine", "cold ms", "peak RSS MiB"], ...rows])];
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
