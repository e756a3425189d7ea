import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host, WorkerHandle } from "../../src/core/host.ts";
import { nodeHost } from "../../src/host/node-host.ts";
import { col, count, type DataSet, ExecutionEnvironment, max, Schema, sum, types } from "../../src/index.ts";
import { privateEnvironment } from "../support/environments.ts";
import { collectCounted } from "../support/result-sink.ts";
import { testDirectory } from "../support/temporary-directory.ts";

const HUGE = 2_000_000_000;
const folder = testDirectory();
afterAll(() => ExecutionEnvironment.shutdown());

describe("worker threads", () => {
  it.each([1, 2])("that die end the job, and the next one gets others (thread %i)", async (victim) => {
    const host = nodeHost();
    const handles: WorkerHandle[] = [];
    const { threads } = host;
    const watched: Host = {
      ...host,
      threads: {
        spawn: (init, transfer) => {
          const handle = threads.spawn(init, transfer);
          handles.push(handle);
          return handle;
        },
        createLink: () => threads.createLink(),
        open: (transferable) => threads.open(transferable),
      },
    };
    const { env, close } = privateEnvironment({ parallelism: 2, memoryBytes: 64 << 20 }, watched);
    for (const job of [
      env.sequence(0, HUGE).aggregate({ n: sum("value") }),
      env.sequence(0, HUGE).groupBy("value").aggregate({ n: count() }),
      env.sequence(0, HUGE).filter((row) => row.value === -1n),
    ]) {
      handles.length = 0;
      expect(
        await env
          .sequence(0, 100_000)
          .aggregate({ n: max("value") })
          .collect(),
      ).toEqual([{ n: 99_999n }]);
      const running = expect((job as unknown as DataSet).collect()).rejects.toMatchObject({
        code: "THREAD_DIED",
        origin: "external",
        retryable: true,
      });
      await new Promise((resolve) => setTimeout(resolve, 150));
      await handles[victim - 1].terminate();
      await running;
    }
    expect(await env.sequence(0, 1000).count()).toBe(1000);
    await close();
    expect(folder.leftovers()).toEqual([]);
  });

  it("let a script end by itself soon after its last result", () => {
    const script = join(folder.path, "script.mjs");
    const entry = new URL("../../dist/index.js", import.meta.url).href;
    writeFileSync(
      script,
      `import { count, ExecutionEnvironment } from ${JSON.stringify(entry)};
       const env = ExecutionEnvironment.create({ parallelism: 2 });
       const rows = await env.sequence(0, 100000).aggregate({ n: count() }).collect();
       for await (const _ of env.sequence(0, 1e9)) break;
       await env.sequence(0, 1e9).collect({ signal: AbortSignal.timeout(20) }).catch((error) => console.log(error.code));
       console.log(String(rows[0].n));
       process.on("exit", () => console.log(performance.now() - done < 500 ? "soon" : "late"));
       const done = performance.now();`,
    );
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { timeout: 30_000 });
    expect([stdout.toString().trim().split("\n"), stderr.toString(), status]).toEqual([
      ["JOB_CANCELLED", "100000", "soon"],
      "",
      0,
    ]);
  });
});

describe.each([1, 2])("jobs on %i threads", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism, batchRows: 1024 });

  it("run at once from one environment", async () => {
    const jobs = Array.from({ length: 5 }, (_, i) =>
      env
        .sequence(0, 50_000)
        .withColumns({ key: col("value").mod(10 + i) })
        .groupBy("key")
        .aggregate({ n: count() })
        .count(),
    );
    expect(await Promise.all(jobs)).toEqual([10, 11, 12, 13, 14]);
  });

  it("run inside the loop over another one's rows, also where that is left", async () => {
    let total = 0;
    for await (const row of env.sequence(0, 10_000)) {
      total += await env.sequence(0, Number(row.value) + 1).count();
      if (row.value === 4n) break;
    }
    expect(total).toBe(15);
    await expect(
      (async () => {
        for await (const _ of env.sequence(0, HUGE)) throw new Error("mine");
      })(),
    ).rejects.toThrow("mine");
    expect(await env.sequence(0, 10).count()).toBe(10);
  });

  it("share a dataset that is kept", async () => {
    const kept = await env
      .sequence(0, 10_000)
      .withColumns({ text: col("value").cast(types.utf8) })
      .persist();
    const both = await Promise.all([kept.count(), kept.join(kept).on("value").count(), kept.distinct("text").count()]);
    expect(both).toEqual([10_000, 10_000, 10_000]);
  });
});

describe.each([1, 2])("reading on %i threads", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism, batchRows: 1000 });
  const file = join(folder.path, `groups-${parallelism}.parquet`);
  const lines = join(folder.path, `lines-${parallelism}.csv`);
  beforeAll(async () => {
    const rows = env.sequence(0, 300_000).withColumns({ text: col("value").cast(types.utf8) });
    // rowGroupRows makes many splits of a small file.
    rows.writeParquet(file, { rowGroupRows: 5000 });
    rows.writeCsv(lines);
    await env.execute();
  });

  it.each<[string, (data: DataSet) => DataSet]>([
    ["first", (data) => data.first(10)],
    [
      "first behind a filter and a select",
      (data) => data.filter(col("value").ge(0n)).select("text").first(10) as unknown as DataSet,
    ],
    ["first of a union", (data) => data.union(data).first(10)],
    ["first behind a function", (data) => data.filter(() => true).first(10)],
    [
      "an empty build side",
      (data) => data.join(env.sequence(0, 1).filter(col("value").lt(0n))).on("value") as unknown as DataSet,
    ],
  ])("stops soon for %s", async (name, job) => {
    const { rows, splitsDone, rowsRead } = await collectCounted(env, job(env.readParquet(file)));
    expect(rows).toHaveLength(name === "an empty build side" ? 0 : 10);
    expect(splitsDone).toBeLessThan(30);
    expect(rowsRead).toBeLessThan(150_000);
  });

  it("stops soon where the loop over rows is left, or nothing is wanted", async () => {
    const start = performance.now();
    for await (const row of env.sequence(0, HUGE)) if (row.value === 5000n) break;
    for await (const _ of env.readCsv(lines)) break;
    expect(await env.sequence(0, HUGE).first(0).collect()).toEqual([]);
    expect(await env.sequence(0, HUGE).first(3, { offset: 5000 }).count()).toBe(3);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it("stops soon where few rows of several threads together are enough", async () => {
    const [start, half] = [performance.now(), 1 << 20];
    const few = (from: number) =>
      col("value")
        .ge(from)
        .and(col("value").lt(from + 5));
    const rare = env.sequence(0, 10 * HUGE).filter(few(0).or(few(half)));
    expect(await rare.first(10).count()).toBe(10);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});

describe.each([1, 2])("nothing, on %i threads", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism });
  const schema = Schema.of({ id: types.int64, name: types.utf8 });
  const write = async (path: string, format: "writeParquet" | "writeCsv" | "writeJson" | "writeArrow") => {
    env.fromRows([], schema)[format](path);
    await env.execute();
    return path;
  };

  it("passes through every step", async () => {
    const nothing = env.fromRows([], schema);
    const some = env.fromRows([{ id: 1n, name: "a" }], schema);
    const byId = { schema: Schema.of({ id: types.int64 }) };
    const empty: Pick<DataSet, "collect">[] = [
      nothing,
      nothing.filter(col("id").gt(0n)).select("name"),
      nothing.map((row) => ({ id: row.id }), byId),
      nothing.orderBy("id").first(3),
      nothing.groupBy("id").aggregate({ n: count() }),
      nothing.groupBy("id").reduceGroup((key) => [{ id: key.id }], byId),
      nothing.reduce((a) => a),
      nothing.distinct(),
      nothing.union(nothing),
      nothing.cross(some),
      some.cross(nothing),
      nothing.join(some).on("id"),
      nothing.leftOuterJoin(some).on("id"),
      some.semiJoin(nothing).on("id"),
      nothing
        .coGroup(nothing)
        .where("id")
        .equalTo("id")
        .with(() => [{ id: 1n }], byId),
      nothing.partitionByHash("id").sortPartition("name"),
      nothing.partitionByRange("id"),
      nothing.rebalance().zipWithUniqueId(),
      nothing.zipWithIndex(),
      nothing.sample(true, 2),
      nothing.sampleWithSize(4),
      nothing.iterate(3, (loop) => loop.filter(col("id").gt(0n))),
      nothing.groupBy("id").first(2),
      env.sequence(5, 5),
    ] as never;
    for (const [i, data] of empty.entries()) expect([i, await data.collect()]).toEqual([i, []]);
    expect(await nothing.count()).toBe(0);
    expect(await some.antiJoin(nothing).on("id").count()).toBe(1);
    expect(await nothing.rightOuterJoin(some).on("id").collect()).toEqual([{ id: 1n, name: null, name_right: "a" }]);
    expect(await nothing.aggregate({ n: count(), top: max("id") }).collect()).toEqual([{ n: 0n, top: null }]);
    expect((await nothing.collectArrow()).numRows).toBe(0);
    expect(await (await nothing.persist()).count()).toBe(0);
    expect((await nothing.summarize()).map((column) => column.rows)).toEqual([0, 0]);
    for await (const _ of nothing) expect.unreachable();
  });

  it("can be written and read", async () => {
    const path = join(folder.path, `nothing-${parallelism}`);
    expect(await env.readParquet(await write(`${path}.parquet`, "writeParquet")).collect()).toEqual([]);
    expect(await env.readParquet(await write(`${path}-parquet`, "writeParquet")).count()).toBe(0);
    expect(await env.readArrow(await write(`${path}.arrow`, "writeArrow")).collect()).toEqual([]);
    expect(await env.readCsv(await write(`${path}.csv`, "writeCsv"), { schema }).collect()).toEqual([]);
    expect(await env.readJson(await write(`${path}.jsonl`, "writeJson"), { schema }).collect()).toEqual([]);
  });

  it("is what rows without columns hold, but they are counted", async () => {
    const bare = env.sequence(0, 5).drop("value");
    expect(await bare.count()).toBe(5);
    expect(await bare.collect()).toEqual([{}, {}, {}, {}, {}]);
    expect(await bare.union(bare).count()).toBe(10);
    expect(await bare.cross(env.sequence(0, 2)).count()).toBe(10);
    expect(await bare.first(2).count()).toBe(2);
  });
});
