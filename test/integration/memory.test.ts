import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { col, count, countDistinct, ExecutionEnvironment, max, Schema, sum, types } from "../../src/index.ts";
import { duckdb } from "../support/duckdb.ts";
import { collectCounted, counted, takingSink } from "../support/result-sink.ts";
import { testDirectory } from "../support/temporary-directory.ts";

const MIB = 1024 * 1024;
const ROWS = 700_000;
const folder = testDirectory();
const file = join(folder.path, "input.parquet");
const schema = Schema.of({ id: types.int64, k: types.int32, x: types.float64, s: types.utf8 });

// Text that compresses badly, and keys that come back far apart.
const INPUT = `SELECT (i * 7919 % ${ROWS})::BIGINT AS id, (i * 31 % 250000)::INTEGER AS k,
  (i * 104729 % 1000003) / 8.0 AS x, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS s FROM range(${ROWS}) t(i)`;

beforeAll(async () => {
  await duckdb(`COPY (${INPUT}) TO '${file}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 20000)`);
});
afterAll(() => ExecutionEnvironment.shutdown());

/** Budgets are per job; each thread has its share, so more threads need a little more. */
describe.each([
  [1, 32],
  [2, 48],
])("on %i threads, in %i MiB, a file of about 60 MB", (parallelism, mib) => {
  const env = ExecutionEnvironment.create({ parallelism, memoryBytes: mib * MIB });
  const input = () => env.readParquet(file, { schema });
  const isClean = () => expect(folder.leftovers()).toEqual([]);

  it("is aggregated into as many groups as rows", async () => {
    const groups = input()
      .groupBy("id")
      .aggregate({ n: count(), x: sum("x"), s: max("s") });
    const total = groups.aggregate({ groups: count(), n: sum("n"), x: sum("x"), s: max("s") });
    const { rows, counters } = await collectCounted(env, total);
    expect(rows).toEqual(
      await duckdb(`SELECT count(*) AS groups, count(*) AS n, sum(x) AS x, max(s) AS s FROM '${file}'`),
    );
    expect(counters.get("spilledBytes")).toBeGreaterThan(20 * MIB);
    isClean();
  });

  it("is sorted", async () => {
    const state = { n: 0, disorder: 0, previous: Number.NEGATIVE_INFINITY, ids: 0 };
    input()
      .orderBy("x")
      .output(
        takingSink((batch, { memory }) => {
          const [, , x] = batch.columns;
          const values = new Float64Array(memory.buffer, x.data, batch.rowCount);
          const ids = new BigInt64Array(memory.buffer, batch.columns[0].data, batch.rowCount);
          for (let row = 0; row < batch.rowCount; row++) {
            if (values[row] < state.previous) state.disorder++;
            state.previous = values[row];
            state.ids += Number(ids[row]);
          }
          state.n += batch.rowCount;
        }),
      );
    const { counters } = counted(await env.execute());
    expect(state).toMatchObject({ n: ROWS, disorder: 0, ids: (ROWS * (ROWS - 1)) / 2 });
    expect(counters.get("spilledRows")).toBeGreaterThan(ROWS / 2);
    isClean();
  });

  it("is deduplicated and joined with itself", async () => {
    const distinct = input().select("k", "s").distinct();
    const first = await collectCounted(env, distinct.aggregate({ n: count(), k: sum("k") }));
    expect(first.rows).toEqual(
      await duckdb(`SELECT count(*) AS n, sum(k)::BIGINT AS k FROM (SELECT DISTINCT k, s FROM '${file}')`),
    );
    expect(first.counters.get("spilledBytes")).toBeGreaterThan(5 * MIB);
    const others = input().select({ id: col("id"), other: col("s") });
    const joined = input().join(others, { hint: "REPARTITION_HASH_SECOND" }).on("id");
    const total = joined.filter(col("s").eq(col("other"))).aggregate({ n: count(), k: sum("k") });
    const second = await collectCounted(env, total);
    expect(second.rows).toEqual(await duckdb(`SELECT count(*) AS n, sum(k)::BIGINT AS k FROM '${file}'`));
    expect(second.counters.get("spilledBytes")).toBeGreaterThan(20 * MIB);
    isClean();
  });

  it("is written in order, from one dataset that two read", async () => {
    const target = join(folder.path, `sorted-${parallelism}.parquet`);
    input().orderBy("id").writeParquet(target);
    input()
      .aggregate({ ids: countDistinct("k") })
      .writeParquet(join(folder.path, `ids-${parallelism}.parquet`));
    const { counters } = counted(await env.execute());
    expect(counters.get("spilledBytes")).toBeGreaterThan(20 * MIB);
    const check = `SELECT count(*) AS n, count(DISTINCT s) AS texts, bool_and(id = file_row_number) AS ordered
      FROM read_parquet('${target}', file_row_number = true)`;
    expect(await duckdb(check)).toEqual([{ n: BigInt(ROWS), texts: BigInt(ROWS), ordered: true }]);
    isClean();
  });

  it("leaves no temporary file after a failure or a cancelled sort", async () => {
    const broken = input()
      .orderBy("x")
      .withColumns({ huge: col("k").add(2_147_483_647 - 249_998) });
    await expect(broken.collect()).rejects.toMatchObject({ code: "EXPRESSION_OVERFLOW" });
    isClean();
    const spilled = input()
      .orderBy("x")
      .map((row) => row, { schema });
    const stop = new AbortController();
    const rows = spilled[Symbol.asyncIterator]();
    await rows.next();
    expect(folder.leftovers().length).toBeGreaterThan(0);
    await rows.return?.();
    stop.abort();
    isClean();
    const target = join(folder.path, "failed");
    mkdirSync(target, { recursive: true });
    broken.writeParquet(join(target, "out"));
    await expect(env.execute()).rejects.toMatchObject({ code: "EXPRESSION_OVERFLOW" });
    expect(existsSync(join(target, "out"))).toBe(false);
    expect(readdirSync(target)).toEqual([]);
    isClean();
  });
});
