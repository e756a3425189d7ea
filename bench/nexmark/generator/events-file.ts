/** The first events of a stream as a Parquet file, for DuckDB. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, rmSync } from "node:fs";
import { cachedOnce } from "../../data/cache.ts";
import { copyToParquet, quote, withDuckDB } from "../../data/duckdb.ts";
import { nexmarkColumnNames, nexmarkColumns } from "./columns.ts";
import type { NexmarkConfiguration } from "./configuration.ts";
import { eventAt } from "./event.ts";

/** Events written at once. */
const CHUNK_EVENTS = 10_000;

/**
 * Path of the file, written if it is not there yet: one row per event, the columns of `nexmarkColumns`.
 * The rows come from the generator's readable twin, so that an answer does not depend on the kernels that an engine uses.
 */
export async function eventsFile(configuration: NexmarkConfiguration, events: number): Promise<string> {
  const fingerprint = createHash("sha256").update(JSON.stringify(configuration)).digest("hex").slice(0, 8);
  return cachedOnce(`nexmark/events-${fingerprint}-${events}.parquet`, async (path) => {
    const text = `${path}.tsv`;
    try {
      await writeText(configuration, events, text);
      await convert(text, path);
    } finally {
      rmSync(text, { force: true });
    }
  });
}

/** Tab-separated values: no text of the generator holds a tab, a quote or the \N that stands for null. */
async function writeText(configuration: NexmarkConfiguration, events: number, path: string): Promise<void> {
  const file = createWriteStream(path);
  for (let first = 0; first < events; first += CHUNK_EVENTS) {
    const lines: string[] = [];
    for (let position = first; position < Math.min(first + CHUNK_EVENTS, events); position++) {
      const event = eventAt(configuration, position) as unknown as Readonly<Record<string, unknown>>;
      lines.push(nexmarkColumnNames.map((name) => event[name] ?? "\\N").join("\t"));
    }
    if (!file.write(`${lines.join("\n")}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "finish");
}

async function convert(text: string, path: string): Promise<void> {
  const types = nexmarkColumnNames.map((name) => [name, nexmarkColumns[name].type.kind] as const);
  const read = types.map(([name, kind]) => `${quote(name)}: ${quote(kind === "utf8" ? "VARCHAR" : "BIGINT")}`);
  const selected = types.map(([name, kind]) =>
    kind === "timestamp" ? `make_timestamp(${name} * 1000)::TIMESTAMP_MS AS ${name}` : name,
  );
  await withDuckDB(async (connection) => {
    const rows = `read_csv(${quote(text)}, delim = '\t', quote = '', escape = '', header = false, nullstr = '\\N',
      columns = {${read.join(", ")}})`;
    await copyToParquet(connection, `SELECT ${selected.join(", ")} FROM ${rows}`, path);
  });
}
