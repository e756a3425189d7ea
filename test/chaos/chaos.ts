import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Choice } from "./choice.ts";
import { writeReports } from "./input.ts";
import { Life, type LifeEnd } from "./life.ts";
import { type Aim, chooseAim, type Sign } from "./moments.ts";
import { differences, VisibleRows, type Written } from "./output.ts";
import { watchNames } from "./signs.ts";
import { Tables } from "./tables.ts";

export interface ChaosOptions {
  readonly kills: number;
  readonly seed: number;
  /** Empty, or to be made; removed where all is well. */
  readonly directory: string;
  /** Of a PostgreSQL server; absent: files alone. */
  readonly postgresUrl?: string;
  /** How many reports pass in one life before it slows down; twice as many at most. */
  readonly rowsPerKill?: number;
  /** Of one life. */
  readonly rowsPerSecond?: number;
  /** Each life has so many threads, or fewer; default 3. */
  readonly mostThreads?: number;
  /** Where a life is to end; default: a random moment of any kind. */
  readonly aim?: (choice: Choice) => Aim;
  /** Ends what is under way, and rejects with its reason; the directory is kept. */
  readonly signal?: AbortSignal;
  readonly onUndisturbed?: (ms: number) => void;
  /** A life begins, and has its first, second, ... complete checkpoint. */
  readonly onProgress?: (life: LifeUnderWay) => void;
  readonly onLife?: (life: LifeSeen) => void;
}

/** A life that is to be killed. */
export interface LifeUnderWay {
  /** From 1. */
  readonly kill: number;
  readonly parallelism: number;
  /** See `LifeEnd`. */
  readonly checkpointsMs: readonly number[];
}

/** A life that was killed. */
export interface LifeSeen extends LifeUnderWay, LifeEnd {
  /** Name of the checkpoint; undefined: from the beginning. */
  readonly wentOnFrom: string | undefined;
  readonly visible: VisibleRows["rows"];
}

export interface ChaosResult {
  readonly kills: number;
  readonly reports: number;
  /** By the undisturbed run. */
  readonly undisturbed: Written;
  /** By the killed one: the same rows. */
  readonly written: Written;
  /** How many were killed at each kind of moment. */
  readonly moments: Readonly<Record<string, number>>;
  readonly undisturbedMs: number;
  readonly killedMs: number;
}

export class ChaosFailure extends Error {}

/**
 * Kills the job of flights-job.mjs so many times, each time in another process that goes on in the same directory, and
 * compares what it has written with what an undisturbed run writes. What is visible is looked at behind each kill.
 * @throws {ChaosFailure} that tells seed, kill and difference; the directory is kept
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const {
    kills,
    seed,
    directory,
    postgresUrl,
    rowsPerKill = 300,
    rowsPerSecond = 1_000,
    mostThreads = 3,
    aim,
    signal,
    onLife,
  } = options;
  const choice = new Choice(seed);
  const input = join(directory, "input");
  const reports = 2 * rowsPerKill * (kills + 1);
  mkdirSync(input, { recursive: true });
  await writeReports(input, reports);
  signal?.throwIfAborted();

  const schema = `millrace_chaos_${process.pid}_${Date.now().toString(36)}`;
  const databases = postgresUrl === undefined ? [] : [`${schema}_undisturbed`, `${schema}_killed`];
  const [undisturbedTables, tables] = await Promise.all(
    databases.map((name) => Tables.create(postgresUrl ?? "", name)),
  );
  const lives = new Spares(signal);
  let kill = 0;
  const fail = (what: readonly string[], end?: LifeEnd) => {
    const place = `seed ${seed}, behind kill ${kill} of ${kills}, directory ${directory}`;
    throw new ChaosFailure([`${place}:`, ...what, ...(end === undefined ? [] : [end.stderr.trimEnd()])].join("\n"));
  };
  /** Runs to the end, and gives what was written. */
  const runWhole = async (target: string, to: Tables | undefined, parallelism: number, expected?: Written) => {
    const args = { input, directory: target, ...(to === undefined ? {} : { postgres: to.postgres }) };
    const end = await lives.next().run({ parallelism, args }, undefined, () => undefined);
    signal?.throwIfAborted();
    if (end.code !== 0) fail([`A run that was not killed has ended with ${end.code}.`], end);
    const visible = new VisibleRows(target, expected);
    visible.look();
    if (visible.problems.length > 0) fail(visible.problems);
    return { ...visible.rows, ...(await to?.read()) };
  };

  try {
    const undisturbed = performance.now();
    const expected = await runWhole(join(directory, "undisturbed"), undisturbedTables, 1);
    const killed = performance.now();
    options.onUndisturbed?.(killed - undisturbed);
    const target = join(directory, "killed");
    const moments: Record<string, number> = {};
    const visible = new VisibleRows(target, expected);
    while (kill < kills) {
      const parallelism = 1 + choice.below(mostThreads);
      const chosen = aim?.(choice) ?? chooseAim(choice, tables !== undefined);
      const aligned = choice.below(2) === 0 ? {} : { alignedTimeoutMs: 0 };
      const args = { input, directory: target, limit: rowsPerKill, rowsPerSecond, ...aligned };
      const job = { parallelism, args: { ...args, ...(tables === undefined ? {} : { postgres: tables.postgres }) } };
      let stopWatching: (() => void) | undefined;
      const listen = (hear: ((sign: Sign) => void) | undefined) => {
        stopWatching?.();
        stopWatching = hear && watchNames(target, hear);
        tables?.listen(hear && ((event) => void hear(event)));
      };
      const tell = (checkpointsMs: readonly number[]) =>
        options.onProgress?.({ kill: kill + 1, parallelism, checkpointsMs });
      tell([]);
      const end = await lives.next().run(job, chosen, listen, tell);
      signal?.throwIfAborted();
      if (end.killedAt === undefined) fail([`The job has ended by itself, with ${end.code}.`], end);
      if (end.killedAt === "silence") fail(["The job does not get on: no checkpoint was complete."], end);
      kill++;
      moments[end.killedAt ?? ""] = (moments[end.killedAt ?? ""] ?? 0) + 1;
      visible.look();
      if (visible.problems.length > 0) fail(visible.problems, end);
      onLife?.({ ...end, kill, parallelism, wentOnFrom: originOf(target), visible: visible.rows });
    }
    const parallelism = 1 + choice.below(mostThreads);
    const found = await runWhole(target, tables, parallelism, expected);
    const killedMs = performance.now() - killed;
    visible.look();
    visible.checkFiles();
    const wrong = differences(expected, found);
    if (wrong.length > 0) fail(wrong);
    // A job that has come to its end does nothing when it is started again.
    const again = differences(expected, await runWhole(target, tables, parallelism, expected));
    if (again.length > 0) fail(["It was started again behind its end.", ...again]);
    await Promise.all([undisturbedTables?.drop(), tables?.drop()]);
    rmSync(directory, { recursive: true, force: true });
    return {
      kills,
      reports,
      undisturbed: expected,
      written: found,
      moments,
      undisturbedMs: killed - undisturbed,
      killedMs,
    };
  } finally {
    await lives.end();
  }
}

/** The checkpoint that the newest run went on from, as docs/savepoint-format.md has it. */
function originOf(target: string): string | undefined {
  const attempts = join(target, "checkpoints", "attempts");
  const newest = readdirSync(attempts)
    .filter((name) => name.endsWith(".from"))
    .sort()
    .at(-1);
  if (newest === undefined) return undefined;
  const [name] = readFileSync(join(attempts, newest), "utf8").split(/\s/);
  return name === "nothing" ? undefined : name;
}

/** The process that is to be next loads the engine while another one lives. */
class Spares {
  readonly #signal: AbortSignal | undefined;
  #spare: Life;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    this.#spare = new Life(signal);
  }

  next(): Life {
    const life = this.#spare;
    this.#spare = new Life(this.#signal);
    return life;
  }

  end(): Promise<void> {
    return this.#spare.end();
  }
}
