/** Generates every input of the dataset benchmarks ahead of time: `npx tsx bench/data/generate.ts [rows]`. */
import { groupByTable } from "./group-by-tables.ts";
import { joinTables } from "./join-tables.ts";
import { lineitemLike, lineitemRows, writtenRows } from "./lineitem-like.ts";
import { columnKinds, edges, singleTypeColumn } from "./single-type-columns.ts";
import { tpch } from "./tpch.ts";

const rows = Number(process.argv[2] ?? 1e7);
await groupByTable(rows);
await joinTables(rows);
for (const codec of ["SNAPPY", "ZSTD", "UNCOMPRESSED"] as const) {
  await lineitemLike(lineitemRows, codec);
}
await lineitemLike(writtenRows, "SNAPPY");
for (const kind of columnKinds) {
  await singleTypeColumn(kind, "SNAPPY");
  await singleTypeColumn(kind, "ZSTD");
}
await edges();
await tpch(1, "decimal");
await tpch(1, "double");
