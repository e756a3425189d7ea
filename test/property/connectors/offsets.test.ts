import { expect, it } from "vitest";
import { CsvSource } from "../../../src/connectors/csv/csv-source.ts";
import { JsonSource } from "../../../src/connectors/json/json-source.ts";
import { MemorySource } from "../../../src/connectors/memory/memory-source.ts";
import { ParquetSource } from "../../../src/connectors/parquet/parquet-source.ts";
import { SequenceSource } from "../../../src/connectors/sequence/sequence-source.ts";
import { TextSource } from "../../../src/connectors/text/text-source.ts";
import type { Batch } from "../../../src/core/batch.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import type { Json, Source, SourceContext, SplitReader } from "../../../src/core/source.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { privateEnvironment } from "../../support/environments.ts";
import { writeFile } from "../../support/files-contract.ts";
import { testHost, withDirectory } from "../../support/host.ts";
import { withWorkspace } from "../../support/workspace.ts";

const ROWS = 3000;
const rows = Array.from({ length: ROWS }, (_, n) => ({ n, text: n % 3 === 0 ? `a\n"${n}", b` : `row ${n}` }));
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** None of these readers waits. */
const nextOf = (reader: SplitReader) => reader.next() as Batch | undefined;

/** Reads splits, each anew behind every batch from the offset that was given for it. */
function expectEveryOffset(ws: Workspace, source: Source): void {
  const context: SourceContext = { workspace: ws, host: testHost(), batchRows: 170, count: () => undefined };
  for (const split of source.splits()) {
    const batches: { readonly rows: unknown[]; readonly offset: Json }[] = [];
    const first = source.openSplit(split, context);
    expect(first.offset).toBeDefined();
    for (let batch = nextOf(first); batch !== undefined; batch = nextOf(first)) {
      batches.push({ rows: readRows(ws, batch), offset: first.offset?.() ?? null });
      batch.release();
    }
    first.close();
    for (const [i, { offset }] of batches.entries()) {
      const again = source.openSplit(split, context, JSON.parse(JSON.stringify(offset)) as Json);
      const rest: unknown[] = [];
      for (let batch = nextOf(again); batch !== undefined; batch = nextOf(again)) {
        rest.push(...readRows(ws, batch));
        batch.release();
      }
      again.close();
      expect(rest).toEqual(batches.slice(i + 1).flatMap((each) => each.rows));
    }
  }
}

it("readers of files and memory go on behind any batch", () =>
  withDirectory(async (directory) => {
    const host = testHost();
    const put = (name: string, lines: readonly string[]) => {
      writeFile(host.files, `${directory}/${name}`, Buffer.from(`\ufeff${lines.join("\n")}`));
      return `${directory}/${name}`;
    };
    const csv = put("rows.csv", ["n,text", ...rows.map(({ n, text }) => `${n},${quoted(text)}`)]);
    const json = put(
      "rows.jsonl",
      rows.map((row) => JSON.stringify(row)),
    );
    const text = put(
      "rows.txt",
      rows.map(({ n }) => `line ${n}`),
    );
    const { env, close } = privateEnvironment({ parallelism: 1 });
    env.fromRows(rows).writeParquet(`${directory}/rows.parquet`, { rowGroupRows: 1300, pageRows: 200 });
    await env.execute();
    await close();
    const splitBytes = 20_000;
    const sources = [
      new CsvSource({ kind: "csv", paths: csv, splitBytes }, host),
      new JsonSource({ kind: "json", paths: json, splitBytes }, host),
      new TextSource({ kind: "text", paths: text, splitBytes }, host),
      new ParquetSource({ kind: "parquet", paths: `${directory}/rows.parquet` }, host),
      new MemorySource({ kind: "memory", rows }),
      new SequenceSource({ kind: "sequence", from: 5, to: 2000, step: 3 }),
    ];
    for (const source of sources) withWorkspace((ws) => expectEveryOffset(ws, source));
  }));
