/** Apache Flink's SQL in streaming mode on a mini cluster, in a JVM of its own; see bench/peers/flink. */
import { JavaPeer } from "../../engines/java-peer.ts";
import { type NexmarkColumnName, nexmarkColumnNames, nexmarkColumns } from "../generator/columns.ts";
import { EventType, type NexmarkConfiguration } from "../generator/configuration.ts";
import { nexmarkQueries } from "../queries/queries.ts";
import { viewColumns } from "../queries/query.ts";
import type { NexmarkEngine, NexmarkRun, NexmarkTime } from "./engine.ts";

const typeNames: Readonly<Record<string, string>> = {
  int32: "INT",
  int64: "BIGINT",
  timestamp: "TIMESTAMP(3)",
  utf8: "STRING",
};

export class NexmarkFlink implements NexmarkEngine {
  readonly #peer: JavaPeer;
  #run: NexmarkRun | null = null;

  private constructor(peer: JavaPeer) {
    this.#peer = peer;
  }

  static async open(backend: "hashmap" | "rocksdb", parallelism: number): Promise<NexmarkFlink> {
    return new NexmarkFlink(await JavaPeer.start("millrace.bench.nexmark.NexmarkPeer", [backend, String(parallelism)]));
  }

  supports(): boolean {
    return true;
  }

  /** From the first event that the source is asked for to the end of the job. */
  async time(query: string, run: NexmarkRun): Promise<NexmarkTime> {
    await this.#use(run);
    return this.#peer.ask<NexmarkTime>({ run: sqlOf(query) });
  }

  async answer(query: string, run: NexmarkRun, path: string): Promise<void> {
    await this.#use(run);
    await this.#peer.ask({ answer: sqlOf(query), path });
  }

  /** SHA-256 of the first events as text, for the check that both generators make the same. */
  async eventsHash(configuration: NexmarkConfiguration, events: number): Promise<string> {
    return (await this.#peer.ask<{ hash: string }>({ hash: events, configuration })).hash;
  }

  close(): Promise<void> {
    return this.#peer.close();
  }

  async #use(run: NexmarkRun): Promise<void> {
    if (this.#run?.events === run.events && this.#run.configuration === run.configuration) return;
    const statements = this.#run === null ? [] : dropStatements;
    for (const statement of [...statements, ...createStatements(run)]) await this.#peer.ask({ ddl: statement });
    this.#run = run;
  }
}

const dropStatements = ["timed_bid", "only_bid", ...Object.keys(viewColumns)]
  .map((view) => `DROP TEMPORARY VIEW ${view}`)
  .concat(["events", "bid_events"].map((table) => `DROP TEMPORARY TABLE ${table}`));

/** The source makes the columns of its table that the planner asks it for. */
const bidEventColumns: readonly NexmarkColumnName[] = [
  ...(["eventType", "dateTime", "auction", "bidder"] as const),
  ...(["price", "channel", "url", "bidExtra"] as const),
];

function createStatements({ configuration, events }: NexmarkRun): string[] {
  const table = (name: string, columns: readonly NexmarkColumnName[]): string => {
    const typed = columns.map((column) => `${column} ${typeNames[nexmarkColumns[column].type.kind]}`);
    return `CREATE TEMPORARY TABLE ${name} (${typed.join(", ")}, WATERMARK FOR dateTime AS dateTime - INTERVAL '4' SECOND)
      WITH ('connector' = 'nexmark', 'events' = '${events}', 'configuration' = '${JSON.stringify(configuration)}')`;
  };
  const view = (name: string, kind: keyof typeof EventType, from: string): string =>
    `CREATE TEMPORARY VIEW ${name} AS SELECT ${viewColumns[kind]} FROM ${from} WHERE eventType = ${EventType[kind]}`;
  const kinds = Object.keys(viewColumns) as (keyof typeof viewColumns)[];
  return [
    table("events", nexmarkColumnNames),
    table("bid_events", bidEventColumns),
    ...kinds.map((kind) => view(kind, kind, "events")),
    view("only_bid", "bid", "bid_events"),
    "CREATE TEMPORARY VIEW timed_bid AS SELECT *, PROCTIME() AS p_time FROM bid",
  ].map(quoted);
}

/** Both are reserved words of Flink's. */
const quoted = (sql: string): string => sql.replaceAll(/\b(dateTime|position)\b/g, "`$1`");

function sqlOf(name: string): string {
  const query = nexmarkQueries[name];
  if (query === undefined) throw new Error(`no Nexmark query ${name}`);
  return quoted(query.flink ?? query.duckdb);
}
