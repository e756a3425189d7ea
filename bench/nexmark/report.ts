/** Prints and exports what the Nexmark benchmark measured. */
import { geometricMean, median } from "../harness/outcome.ts";
import type { NexmarkTime } from "./engines/engine.ts";
import { nexmarkQueries } from "./queries/queries.ts";

export interface NexmarkOutcome {
  readonly query: string;
  readonly engine: string;
  readonly events: number;
  /** One per round; empty if the engine failed. */
  readonly times: readonly NexmarkTime[];
  /** Set if the answer was wrong or the run threw: then no time is reported. */
  readonly failure?: string;
}

/** Events per second of an outcome; by processor time that is per core. NaN without times. */
export function eventRate({ events, times }: NexmarkOutcome, clock: keyof NexmarkTime): number {
  return (events / median(times.map((time) => time[clock]))) * 1000;
}

/** How many times faster an engine is than another one, per core, on a query; undefined unless both have times. */
export function perCoreRatio(
  outcomes: readonly NexmarkOutcome[],
  query: string,
  engine: string,
  base: string,
): number | undefined {
  const find = (name: string): NexmarkOutcome | undefined =>
    outcomes.find((outcome) => outcome.query === query && outcome.engine === name && outcome.times.length > 0);
  const [found, other] = [find(engine), find(base)];
  return found === undefined || other === undefined ? undefined : eventRate(found, "cpuMs") / eventRate(other, "cpuMs");
}

/** The engine that the others are compared with: Flink's heap backend if it ran, else DuckDB. */
const baseOf = (engines: readonly string[]): string => (engines.includes("flink") ? "flink" : "duckdb");

export interface NexmarkMean {
  readonly group: string;
  readonly engine: string;
  readonly base: string;
  /** Geometric mean of the ratios per core. */
  readonly ratio: number;
  readonly queries: number;
}

export function nexmarkMeans(outcomes: readonly NexmarkOutcome[]): NexmarkMean[] {
  const engines = [...new Set(outcomes.map(({ engine }) => engine))];
  const base = baseOf(engines);
  const groups = ["stateless", "stateful", "other"] as const;
  return groups.flatMap((group) =>
    engines.flatMap((engine) => {
      const names = [...new Set(outcomes.map(({ query }) => query))];
      const ratios = names
        .filter((name) => nexmarkQueries[name]?.group === group)
        .flatMap((name) => perCoreRatio(outcomes, name, engine, base) ?? []);
      return ratios.length === 0 || engine === base
        ? []
        : [{ group, engine, base, ratio: geometricMean(ratios), queries: ratios.length }];
    }),
  );
}

const millions = (rate: number): string => (rate / 1e6).toFixed(rate < 1e7 ? 2 : 1);

/** One line per query: events per second by the clock and per core, and the ratio per core to the base engine. */
export function formatNexmark(outcomes: readonly NexmarkOutcome[]): string {
  const engines = [...new Set(outcomes.map(({ engine }) => engine))];
  const base = baseOf(engines);
  const cell = (query: string, engine: string): string => {
    const outcome = outcomes.find((candidate) => candidate.query === query && candidate.engine === engine);
    if (outcome === undefined) return "-";
    if (outcome.failure !== undefined) return "FAILED";
    if (outcome.times.length === 0) return "right";
    const ratio = engine === base ? undefined : perCoreRatio(outcomes, query, engine, base);
    const rates = `${millions(eventRate(outcome, "ms"))} / ${millions(eventRate(outcome, "cpuMs"))}`;
    return `${rates}${ratio === undefined ? "" : ` (${ratio.toFixed(2)}x)`}`;
  };
  const names = [...new Set(outcomes.map(({ query }) => query))];
  const rows = [["query", ...engines], ...names.map((name) => [name, ...engines.map((engine) => cell(name, engine))])];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length))) ?? [];
  return [
    `\nnexmark: million events/s by the clock / per core (by processor time); (ratio per core to ${base})`,
    ...rows.map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    ),
    ...nexmarkMeans(outcomes).map(
      ({ group, engine, ratio, queries }) =>
        `= ${group}: ${engine} ${ratio.toFixed(2)}x ${base} per core, of ${queries}`,
    ),
    ...outcomes.flatMap(({ query, engine, failure }) =>
      failure === undefined ? [] : [`FAILED ${query} ${engine}: ${failure}`],
    ),
  ].join("\n");
}

export const nexmarkJson = (outcomes: readonly NexmarkOutcome[]): object => ({
  means: nexmarkMeans(outcomes),
  queries: outcomes.map((outcome) => ({
    ...outcome,
    eventsPerSecond: outcome.times.length === 0 ? null : eventRate(outcome, "ms"),
    eventsPerSecondPerCore: outcome.times.length === 0 ? null : eventRate(outcome, "cpuMs"),
  })),
});
