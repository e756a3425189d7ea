/** What the Parquet scan suite reads: files, columns and the sums that prove they were decoded. */

import { type Codec, lineitemLike, lineitemRows } from "../data/lineitem-like.ts";
import { columnKinds, columnRows, edgeRows, edges, singleTypeColumn } from "../data/single-type-columns.ts";

/** How a column is reduced to one number: numbers are added, texts by their bytes, dates by their days since 1970. */
export type Reduction = "number" | "text" | "date";

export interface Scan {
  readonly name: string;
  readonly group: string;
  /** Name of the file's view in DuckDB. */
  readonly relation: string;
  readonly rows: number;
  readonly columns: Readonly<Record<string, Reduction>>;
  file(): Promise<string>;
}

const numeric4 = {
  l_orderkey: "number",
  l_quantity: "number",
  l_extendedprice: "number",
  l_discount: "number",
} as const;
const text2 = { l_shipmode: "text", l_comment: "text" } as const;
const all16 = {
  ...numeric4,
  l_partkey: "number",
  l_suppkey: "number",
  l_linenumber: "number",
  l_tax: "number",
  l_returnflag: "text",
  l_linestatus: "text",
  l_shipdate: "date",
  l_commitdate: "date",
  l_receiptdate: "date",
  l_shipinstruct: "text",
  ...text2,
} as const;

const lineitem = (codec: Codec, part: string, columns: Readonly<Record<string, Reduction>>): Scan => ({
  name: `${codec.toLowerCase()}-${part}`,
  group: `${codec.toLowerCase()} ${part}`,
  relation: `lineitem_${codec.toLowerCase()}`,
  rows: lineitemRows,
  columns,
  file: () => lineitemLike(lineitemRows, codec),
});

export const scans: readonly Scan[] = [
  lineitem("SNAPPY", "all", all16),
  lineitem("SNAPPY", "numeric4", numeric4),
  lineitem("SNAPPY", "text2", text2),
  {
    name: "edges",
    group: "edges",
    relation: "edges",
    rows: edgeRows,
    columns: { src: "number", dst: "number" },
    file: edges,
  },
  lineitem("ZSTD", "all", all16),
  lineitem("UNCOMPRESSED", "all", all16),
  ...(["SNAPPY", "ZSTD"] as const).flatMap((codec) =>
    columnKinds.map((kind): Scan => {
      const name = `${kind}-${codec.toLowerCase()}`;
      return {
        name,
        group: `single columns ${codec.toLowerCase()}`,
        relation: name.replaceAll("-", "_"),
        rows: columnRows,
        columns: { value: kind.includes("string") ? "text" : "number" },
        file: () => singleTypeColumn(kind, codec),
      };
    }),
  ),
];

/** DuckDB's form of the scan: one row with one sum per column. */
export function scanSql({ relation, columns }: Scan): string {
  const sums = Object.entries(columns).map(([name, reduction]) => {
    const value = { number: name, text: `strlen(${name})`, date: `${name} - DATE '1970-01-01'` }[reduction];
    return `sum(${value}) AS ${name}`;
  });
  return `SELECT ${sums.join(", ")} FROM ${relation}`;
}

export function scanNamed(name: string): Scan {
  const found = scans.find((scan) => scan.name === name);
  if (found === undefined) throw new Error(`no scan ${name}`);
  return found;
}
