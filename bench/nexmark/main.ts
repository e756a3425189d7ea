/** Command line of the Nexmark benchmark: `npm run bench -- nexmark [options]`, see bench/README.md. */
import { rmSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { cachePath } from "../data/cache.ts";
import { NexmarkDuckDB } from "./engines/duckdb.ts";
import type { NexmarkEngine, NexmarkRun, NexmarkTime } from "./engines/engine.ts";
import { nexmarkEngines } from "./engines/engines.ts";
import { standardConfiguration } from "./generator/configuration.ts";
import { buildNexmarkKernels } from "./generator/kernels.ts";
import { nexmarkQueries } from "./queries/queries.ts";
import { formatNexmark, type NexmarkOutcome, nexmarkJson } from "./report.ts";

declare const gc: ((options: { readonly type: "minor" }) => void) | undefined;

/** Answers are checked over this many events at most; the times are of as many as asked for. */
const MOST_CHECKED_EVENTS = 1_000_000;

const list = (text: string | undefined): string[] | null => text?.split(",") ?? null;

/** Returns the exit code: 1 if an answer was wrong or an engine failed. */
export async function benchNexmark(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: "string", default: "1e6" },
      rate: { type: "string", default: String(standardConfiguration.eventsPerSecond) },
      cases: { type: "string" },
      engines: { type: "string" },
      peer: { type: "string" },
      rounds: { type: "string", default: "3" },
      "warm-up": { type: "string", default: "3" },
      json: { type: "string" },
    },
  });
  const configuration = { ...standardConfiguration, eventsPerSecond: Number(values.rate) };
  const run: NexmarkRun = { configuration, events: Number(values.events) };
  const asked = list(values.engines);
  const names = Object.keys(nexmarkEngines).filter((name) =>
    asked === null ? isDefault(name, values.peer) : asked.includes(name),
  );
  const queries = list(values.cases) ?? Object.keys(nexmarkQueries);
  const unknown = [
    ...queries.filter((name) => !(name in nexmarkQueries)),
    ...(asked ?? []).filter((name) => !(name in nexmarkEngines)),
  ];
  if (unknown.length > 0) {
    const known = `queries are ${Object.keys(nexmarkQueries)}, engines ${Object.keys(nexmarkEngines)}`;
    throw new Error(`Nexmark does not know ${unknown.join(", ")}: ${known}`);
  }
  await buildNexmarkKernels();
  const outcomes = await measure(queries, names, run, {
    timed: Number(values.rounds),
    warmUp: Number(values["warm-up"]),
  });
  console.log(formatNexmark(outcomes));
  if (values.json !== undefined) {
    const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), node: process.version };
    writeFileSync(values.json, `${JSON.stringify({ machine, run, ...nexmarkJson(outcomes) }, null, 2)}\n`);
  }
  return outcomes.some(({ failure }) => failure !== undefined) ? 1 : 0;
}

/** Engines that run unasked: those of one thread, and Flink where it is the peer. */
const isDefault = (name: string, peer: string | undefined): boolean =>
  !name.endsWith("-2") && (!name.startsWith("flink") || peer === "flink");

interface Rounds {
  readonly timed: number;
  /** Before the timed ones, beside the run of the check: just-in-time compilers finish in them. */
  readonly warmUp: number;
}

async function measure(
  queries: readonly string[],
  names: readonly string[],
  run: NexmarkRun,
  rounds: Rounds,
): Promise<NexmarkOutcome[]> {
  const judge = await NexmarkDuckDB.open(2);
  const engines = new Map<string, NexmarkEngine>();
  const outcomes: NexmarkOutcome[] = [];
  try {
    for (const name of names) {
      process.stderr.write(`nexmark: opening ${name}\n`);
      const open = nexmarkEngines[name];
      if (open !== undefined) engines.set(name, await open());
    }
    for (const query of queries) {
      process.stderr.write(`nexmark: ${query}\n`);
      outcomes.push(...(await measureQuery(query, engines, judge, run, rounds)));
    }
  } finally {
    for (const engine of engines.values()) await engine.close();
    judge.close();
  }
  return outcomes;
}

/** Engines take turns, in reverse order every other round; one that fails is dropped for the query. */
async function measureQuery(
  query: string,
  engines: ReadonlyMap<string, NexmarkEngine>,
  judge: NexmarkDuckDB,
  run: NexmarkRun,
  { timed, warmUp }: Rounds,
): Promise<NexmarkOutcome[]> {
  const able = [...engines].filter(([, engine]) => engine.supports(query));
  const times = new Map<string, NexmarkTime[]>(able.map(([name]) => [name, []]));
  const failures = new Map<string, string>();
  const attempt = async (name: string, step: () => Promise<void>): Promise<void> => {
    if (failures.has(name)) return;
    try {
      await step();
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      process.stderr.write(`nexmark: ${query} FAILED in ${name}: ${failure}\n`);
      failures.set(name, failure);
    }
  };
  const checked = { ...run, events: Math.min(run.events, MOST_CHECKED_EVENTS) };
  for (const [name, engine] of able) await attempt(name, () => check(query, engine, judge, checked));
  for (let round = 1 - warmUp; timed > 0 && round <= timed; round++) {
    for (const [name, engine] of round % 2 === 0 ? able : [...able].reverse()) {
      await attempt(name, async () => {
        // As in harness/measure.ts: a full collection would throw compiled code away.
        if (typeof gc === "function") gc({ type: "minor" });
        const time = await engine.time(query, run);
        if (round > 0) times.get(name)?.push(time);
      });
    }
  }
  return able.map(([engine]) => {
    const failure = failures.get(engine);
    const common = { query, engine, events: run.events };
    return failure === undefined ? { ...common, times: times.get(engine) ?? [] } : { ...common, times: [], failure };
  });
}

async function check(query: string, engine: NexmarkEngine, judge: NexmarkDuckDB, run: NexmarkRun): Promise<void> {
  const path = cachePath("nexmark", `answer-${process.pid}.txt`);
  try {
    await engine.answer(query, run, path);
    const wrong = await judge.difference(query, run, path);
    if (wrong !== null) throw new Error(`wrong answer: ${wrong}`);
  } finally {
    rmSync(path, { force: true });
  }
}
