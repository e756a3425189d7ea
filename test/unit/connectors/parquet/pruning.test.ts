import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBloomFilter } from "../../../../src/connectors/parquet/bloom-filter.ts";
import { type ColumnFacts, trustedBounds } from "../../../../src/connectors/parquet/bounds.ts";
import { openParquet, type ParquetFile } from "../../../../src/connectors/parquet/parquet-file.ts";
import { cannotMatch } from "../../../../src/connectors/parquet/pruning.ts";
import { isRowGroupPruned, selectRows } from "../../../../src/connectors/parquet/row-group-pruning.ts";
import type { LeafSchema } from "../../../../src/connectors/parquet/schema-mapping.ts";
import { xxh64 } from "../../../../src/connectors/parquet/xxh64.ts";
import { Schema } from "../../../../src/core/schema.ts";
import type { PruningPredicate } from "../../../../src/core/source.ts";
import * as types from "../../../../src/core/types.ts";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { Duck } from "../../../support/parquet/duckdb.ts";
import { rowsOfGroup } from "../../../support/parquet/read-parquet.ts";
import { writeRows } from "../../../support/parquet/write-parquet.ts";
import { newWorkspace, withWorkspace } from "../../../support/workspace.ts";

const numbers = (facts: Partial<ColumnFacts>, type: types.DataType = types.int32) => ({
  type,
  facts: { rowCount: 10, nullCount: 0, min: 5, max: 9, ...facts },
});

const judge = (predicate: PruningPredicate, facts: Partial<ColumnFacts> = {}, type?: types.DataType): boolean =>
  cannotMatch(predicate, (name) => (name === "x" ? numbers(facts, type) : undefined));

const compare = (op: "eq" | "lt" | "le" | "gt" | "ge", value: unknown): PruningPredicate => ({
  op,
  column: "x",
  value,
});

describe("a predicate against bounds 5 to 9", () => {
  it.each([
    ["eq", 4, true],
    ["eq", 5, false],
    ["eq", 9n, false],
    ["eq", 10n, true],
    ["lt", 5, true],
    ["lt", 6, false],
    ["le", 4, true],
    ["le", 5, false],
    ["gt", 9, true],
    ["gt", 8, false],
    ["ge", 10, true],
    ["ge", 9, false],
  ] as const)("%s %s excludes: %s", (op, value, excluded) => {
    expect(judge(compare(op, value))).toBe(excluded);
  });

  it("joins conditions", () => {
    const no = compare("eq", 1);
    const maybe = compare("eq", 6);
    expect(judge({ op: "and", args: [maybe, no] })).toBe(true);
    expect(judge({ op: "or", args: [maybe, no] })).toBe(false);
    expect(judge({ op: "or", args: [no, no] })).toBe(true);
    expect(judge({ op: "in", column: "x", values: [1, 2] })).toBe(true);
    expect(judge({ op: "in", column: "x", values: [1, 7] })).toBe(false);
  });

  it("knows nothing of other columns, other types and missing bounds", () => {
    expect(judge({ op: "eq", column: "y", value: 1 })).toBe(false);
    expect(judge(compare("eq", "text"))).toBe(false);
    expect(judge(compare("eq", Number.NaN))).toBe(false);
    expect(judge(compare("eq", 1), { min: undefined, max: undefined })).toBe(false);
  });

  it("counts nulls", () => {
    expect(judge({ op: "isNull", column: "x" })).toBe(true);
    expect(judge({ op: "isNull", column: "x" }, { nullCount: undefined })).toBe(false);
    expect(judge({ op: "isNotNull", column: "x" }, { nullCount: 10 })).toBe(true);
    expect(judge({ op: "isNotNull", column: "x" }, { nullCount: 9 })).toBe(false);
    expect(judge(compare("gt", 0), { nullCount: 10, min: undefined, max: undefined })).toBe(true);
  });

  it("never excludes by an upper bound of floats, since NaN is above it and left out of it", () => {
    expect(judge(compare("gt", 100), {}, types.float64)).toBe(false);
    expect(judge(compare("ge", 100), {}, types.float64)).toBe(false);
    expect(judge(compare("lt", 5), {}, types.float64)).toBe(true);
    expect(judge(compare("eq", 100), {}, types.float64)).toBe(true);
  });
});

describe("bounds in a file", () => {
  const leaf = (physicalType: number, type: types.DataType, hasKnownOrder = true) =>
    ({ physicalType, type, hasKnownOrder }) as LeafSchema;
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);

  it("are not trusted where old writers compared texts as signed bytes", () => {
    const statistics = { oldMin: text("a"), oldMax: text("z") };
    expect(trustedBounds(leaf(6, types.utf8), statistics, true)).toEqual({ min: undefined, max: undefined });
  });

  it("are not trusted where the order of texts is not declared", () => {
    const statistics = { min: text("a"), max: text("z") };
    expect(trustedBounds(leaf(6, types.utf8), statistics, false).min).toBeUndefined();
    expect(trustedBounds(leaf(6, types.utf8), statistics, true).min).toEqual(text("a"));
  });

  it("are not trusted where one is NaN, has another length, or they contradict each other", () => {
    const float = (value: number): Uint8Array => new Uint8Array(new Float64Array([value]).buffer);
    expect(trustedBounds(leaf(5, types.float64), { min: float(Number.NaN), max: float(1) }, true).max).toBeUndefined();
    expect(trustedBounds(leaf(5, types.float64), { min: float(2), max: float(1) }, true).max).toBeUndefined();
    expect(trustedBounds(leaf(5, types.float64), { min: text("x"), max: float(1) }, true).max).toBeUndefined();
  });
});

it("hashes by the published XXH64", () => {
  // Values of the xxHash reference implementation with seed 0.
  expect(xxh64(new Uint8Array(0)).toString(16)).toBe("ef46db3751d8e999");
  expect(xxh64(new TextEncoder().encode("abc")).toString(16)).toBe("44bc2cf5ad770999");
  const workspace = newWorkspace();
  const bytes = Uint8Array.from({ length: 200 }, (_, i) => (i * 131) % 256);
  const block = workspace.allocate(200);
  workspace.u8.set(bytes, block.address);
  for (let length = 0; length <= 200; length++) {
    expect(xxh64(bytes.subarray(0, length))).toBe(
      BigInt.asUintN(64, workspace.kernels.hashBytes(block.address, length)),
    );
  }
});

describe("files", () => {
  let duck: Duck;
  beforeAll(async () => {
    duck = await Duck.open();
  });
  afterAll(() => duck.close());

  const schema = Schema.of({ id: types.int64, name: types.utf8, score: types.float64, price: types.decimal(9, 2) });
  const rows = Array.from({ length: 4000 }, (_, i) => ({
    id: i % 50 === 49 ? null : BigInt(i),
    name: `name-${String(i).padStart(5, "0")}`,
    score: i / 2,
    price: `${i}.50`,
  }));

  function written(): ParquetFile {
    const path = duck.path("pruned.parquet");
    const options = { rowGroupRows: 1000, pageRows: 100, bloomFilters: ["id", "name"], dataPageVersion: 2 as const };
    withWorkspace((workspace) => writeRows(workspace, nodeHost().files, path, schema, rows, options));
    return openParquet(nodeHost().files, path);
  }

  /** The rows that are read under a predicate, and how many of them the predicate keeps. */
  function select(file: ParquetFile, predicate: PruningPredicate, keeps: (row: (typeof rows)[number]) => boolean) {
    return withWorkspace((workspace) => {
      const read = file.rowGroups.flatMap((_, group) => {
        if (isRowGroupPruned(file, group, predicate)) return [];
        const selection = selectRows(file, group, predicate);
        return selection === undefined ? [] : rowsOfGroup(workspace, file, group, 333, undefined, selection);
      }) as typeof rows;
      expect(read.filter(keeps)).toEqual(rows.filter(keeps));
      return read.length;
    });
  }

  it("lose row groups and pages that cannot match, and no row that does", () => {
    const file = written();
    const id = (op: "eq" | "lt" | "ge", value: bigint): PruningPredicate => ({ op, column: "id", value });
    expect(select(file, id("eq", 1234n), (row) => row.id === 1234n)).toBe(100);
    expect(select(file, id("lt", 150n), (row) => row.id !== null && row.id < 150n)).toBe(200);
    const range: PruningPredicate = { op: "and", args: [id("ge", 980n), id("lt", 1120n)] };
    expect(select(file, range, (row) => row.id !== null && row.id >= 980n && row.id < 1120n)).toBe(300);
    const either: PruningPredicate = {
      op: "or",
      args: [id("eq", 5n), { op: "eq", column: "price", value: "3999.50" }],
    };
    expect(select(file, either, (row) => row.id === 5n || row.price === "3999.50")).toBe(200);
    const names: PruningPredicate = { op: "in", column: "name", values: ["name-00001", "name-02999"] };
    expect(select(file, names, (row) => row.name === "name-00001" || row.name === "name-02999")).toBe(200);
    expect(select(file, { op: "isNull", column: "id" }, (row) => row.id === null)).toBe(4000);
    expect(select(file, { op: "gt", column: "score", value: 1e9 }, () => false)).toBe(4000);
    expect(select(file, { op: "lt", column: "score", value: 10 }, (row) => row.score < 10)).toBe(100);
  });

  it("lose row groups whose Bloom filter excludes a value between the bounds", async () => {
    const file = written();
    // 49 lies inside the bounds, but every 50th id is null.
    expect(select(file, { op: "eq", column: "id", value: 49n }, () => false)).toBe(0);
    const handle = file.open();
    const filter = readBloomFilter(handle, file.rowGroups[0].columns[1], file.mapped.leaves[1]);
    handle.close();
    expect(rows.slice(0, 1000).every(({ name }) => filter?.mightContain(name))).toBe(true);
    expect(rows.slice(1000).filter(({ name }) => filter?.mightContain(name)).length).toBeLessThan(150);
    const [[excluded]] = await duck.rows(
      `SELECT count(*) FROM parquet_bloom_probe('${file.path}', 'name', 'name-00500') WHERE bloom_filter_excludes`,
    );
    expect(Number(excluded), "DuckDB reads our filters").toBeGreaterThanOrEqual(2);
  });

  it("of DuckDB have Bloom filters that we read", async () => {
    const path = await duck.copy(
      "SELECT (i * 7) % 5000 AS k, 'v' || (i % 100) AS v FROM range(20000) t(i)",
      "bloom.parquet",
    );
    const file = openParquet(nodeHost().files, path);
    const handle = file.open();
    const index = file.mapped.leaves.findIndex(({ path: name }) => name === "v");
    const filter = readBloomFilter(handle, file.rowGroups[0].columns[index], file.mapped.leaves[index]);
    handle.close();
    expect(filter).toBeDefined();
    for (let i = 0; i < 100; i++) expect(filter?.mightContain(`v${i}`)).toBe(true);
    const others = Array.from({ length: 1000 }, (_, i) => `w${i}`).filter((value) => filter?.mightContain(value));
    expect(others.length).toBeLessThan(100);
  });
});
