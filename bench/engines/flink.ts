/** Apache Flink's Table API in batch mode, in a JVM of its own that stays warm; see bench/peers/flink. */
import type { BenchCase, Finished, Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";
import { columnsAnswer } from "./columns.ts";
import { JavaPeer } from "./java-peer.ts";

interface Answer {
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly (string | null)[])[];
}

export class FlinkSession implements Session {
  readonly #peer: JavaPeer;
  readonly #sqlOf: (question: BenchCase) => string;

  private constructor(peer: JavaPeer, sqlOf: (question: BenchCase) => string) {
    this.#peer = peer;
    this.#sqlOf = sqlOf;
  }

  /** Starts the cluster and declares the tables; builds the Maven project if it has changed. */
  static async open(
    parallelism: number,
    ddl: readonly string[],
    sqlOf: (question: BenchCase) => string,
  ): Promise<FlinkSession> {
    const peer = await JavaPeer.start("millrace.bench.FlinkPeer", [String(parallelism)]);
    for (const statement of ddl) await peer.ask({ ddl: statement });
    return new FlinkSession(peer, sqlOf);
  }

  supports(): boolean {
    return true;
  }

  async run(question: BenchCase): Promise<Finished> {
    const { columns = [], rows = [] } = await this.#peer.ask<Answer>({ query: this.#sqlOf(question) });
    const answer = columnsAnswer(
      Object.fromEntries(columns.map((name, index) => [name, rows.map((row) => row[index] ?? null)])),
    );
    return { summary: async (shape) => summarise(answer, shape) };
  }

  close(): Promise<void> {
    return this.#peer.close();
  }
}

/** DDL of a table over one Parquet file. */
export function parquetTable(name: string, path: string, columns: Readonly<Record<string, string>>): string {
  const list = Object.entries(columns).map(([column, type]) => `${column} ${type}`);
  return `CREATE TABLE ${name} (${list.join(", ")})
    WITH ('connector' = 'filesystem', 'path' = 'file://${path}', 'format' = 'parquet')`;
}
