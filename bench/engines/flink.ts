/** Apache Flink's Table API in batch mode, in a JVM of its own that stays warm; see bench/peers/flink. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { cachePath, projectRoot } from "../data/cache.ts";
import type { BenchCase, Finished, Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";
import { columnsAnswer } from "./columns.ts";

/** Packages that Flink opens by reflection on Java 17. */
const opened = ["util", "lang", "nio", "time"].map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`);
const javaOptions = ["-Xmx6g", ...opened, "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED"];

interface Answer {
  readonly error?: string;
  readonly columns?: readonly string[];
  readonly rows?: readonly (readonly (string | null)[])[];
}

export class FlinkSession implements Session {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #sqlOf: (question: BenchCase) => string;

  private constructor(process: ChildProcess, sqlOf: (question: BenchCase) => string) {
    if (process.stdout === null) throw new Error("Flink needs a pipe for its answers");
    this.#process = process;
    this.#sqlOf = sqlOf;
    this.#reader = createInterface({ input: process.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Starts the cluster and declares the tables; builds the Maven project the first time. */
  static async open(
    parallelism: number,
    ddl: readonly string[],
    sqlOf: (question: BenchCase) => string,
  ): Promise<FlinkSession> {
    const folder = cachePath("flink");
    if (!existsSync(join(folder, "flink-peer.jar"))) {
      execFileSync("mvn", ["-q", "-B", "package"], {
        cwd: join(projectRoot, "bench/peers/flink"),
        stdio: ["ignore", 2, 2],
      });
    }
    const classPath = `${join(folder, "flink-peer.jar")}:${join(folder, "lib")}/*`;
    const process = spawn("java", [...javaOptions, "-cp", classPath, "millrace.bench.FlinkPeer", String(parallelism)], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const session = new FlinkSession(process, sqlOf);
    await session.#receive();
    for (const statement of ddl) await session.#ask({ ddl: statement });
    return session;
  }

  supports(): boolean {
    return true;
  }

  async run(question: BenchCase): Promise<Finished> {
    const { columns = [], rows = [] } = await this.#ask({ query: this.#sqlOf(question) });
    const answer = columnsAnswer(
      Object.fromEntries(columns.map((name, index) => [name, rows.map((row) => row[index] ?? null)])),
    );
    return { summary: async (shape) => summarise(answer, shape) };
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin?.end();
    await ended;
    this.#reader.close();
  }

  #ask(request: object): Promise<Answer> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.#receive();
  }

  async #receive(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the Flink process ended early");
    const answer = JSON.parse(value) as Answer;
    if (answer.error !== undefined) throw new Error(`Flink: ${answer.error}`);
    return answer;
  }
}

/** DDL of a table over one Parquet file. */
export function parquetTable(name: string, path: string, columns: Readonly<Record<string, string>>): string {
  const list = Object.entries(columns).map(([column, type]) => `${column} ${type}`);
  return `CREATE TABLE ${name} (${list.join(", ")})
    WITH ('connector' = 'filesystem', 'path' = 'file://${path}', 'format' = 'parquet')`;
}
