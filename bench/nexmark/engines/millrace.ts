/**
 * What the engine of this project has to bring to be measured: one function per query, and a way to run what they
 * return. It joins the list in engines.ts as `millrace: async () => new NexmarkMillrace(queries, runner)`.
 */
import { writeFileSync } from "node:fs";
import { NexmarkSource } from "../generator/source.ts";
import type { NexmarkEngine, NexmarkRun, NexmarkTime } from "./engine.ts";

/** A query's job on a stream of all events: the columns of `nexmarkColumns`, of which the job should read what it needs. */
export type NexmarkStreamQuery<Environment, Stream> = (environment: Environment, events: NexmarkSource) => Stream;

export interface NexmarkStreamRunner<Environment, Stream> {
  /** A new environment with one thread. */
  open(): Environment;
  /** Runs the job to its end and drops its rows. */
  drop(environment: Environment, stream: Stream): Promise<void>;
  /**
   * Runs the job to its end and returns the rows that its changelog leaves, with values in the order of the columns of
   * the query in queries/: timestamps in epoch milliseconds, decimals as text.
   */
  collect(environment: Environment, stream: Stream): Promise<readonly (readonly Cell[])[]>;
}

type Cell = string | number | bigint | null;

export class NexmarkMillrace<Environment, Stream> implements NexmarkEngine {
  readonly #queries: Readonly<Record<string, NexmarkStreamQuery<Environment, Stream>>>;
  readonly #runner: NexmarkStreamRunner<Environment, Stream>;

  constructor(
    queries: Readonly<Record<string, NexmarkStreamQuery<Environment, Stream>>>,
    runner: NexmarkStreamRunner<Environment, Stream>,
  ) {
    this.#queries = queries;
    this.#runner = runner;
  }

  supports(query: string): boolean {
    return Object.hasOwn(this.#queries, query);
  }

  /** Planning is part of the time; generating the events is, as in Flink. */
  async time(query: string, run: NexmarkRun): Promise<NexmarkTime> {
    const environment = this.#runner.open();
    const startCpu = process.cpuUsage();
    const start = performance.now();
    await this.#runner.drop(environment, this.#stream(environment, query, run));
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(startCpu);
    return { ms, cpuMs: (user + system) / 1000 };
  }

  async answer(query: string, run: NexmarkRun, path: string): Promise<void> {
    const environment = this.#runner.open();
    const rows = await this.#runner.collect(environment, this.#stream(environment, query, run));
    const lines = rows.map((row) => `${row.map((cell) => cell ?? "\\N").join("\x1f")}\n`);
    writeFileSync(path, lines.join(""));
  }

  close(): void {}

  #stream(environment: Environment, query: string, { configuration, events }: NexmarkRun): Stream {
    const make = this.#queries[query];
    if (make === undefined) throw new Error(`no Nexmark query ${query}`);
    return make(environment, new NexmarkSource({ kind: "nexmark", configuration, events }));
  }
}
