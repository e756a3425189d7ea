import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  avg,
  col,
  count,
  desc,
  EngineError,
  ExecutionEnvironment,
  list,
  lit,
  max,
  Schema,
  sum,
  types,
} from "../../src/index.ts";

const schema = Schema.of({ id: types.int32, team: types.utf8, score: types.float64 });
const rows = Array.from({ length: 1000 }, (_, id) => ({
  id,
  team: id % 13 === 5 ? null : `team ${id % 7}`,
  score: id % 11 === 0 ? null : (id * 37) % 101,
}));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "millrace-test-"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await ExecutionEnvironment.shutdown();
});

describe.each([1, 3])("datasets on %i threads", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism, batchRows: 64 });
  const teams = env.fromRows(rows, schema);

  it("select, filter and compute columns", async () => {
    const result = await teams
      .filter(col("score").gt(90))
      .select({ id: col("id"), half: col("score").div(2), label: col("team").concat("!") })
      .orderBy("id")
      .collect();
    const expected = rows
      .filter((row) => row.score !== null && row.score > 90)
      .map((row) => ({ id: row.id, half: Number(row.score) / 2, label: `${row.team ?? ""}!` }));
    expect(result).toEqual(expected);
  });

  it("add, drop and rename columns", async () => {
    const result = await teams
      .withColumns({ double: col("id").mul(2), id: col("id").add(1) })
      .drop("score")
      .rename({ team: "group" })
      .orderBy("id")
      .first(2)
      .collect();
    expect(result).toEqual([
      { id: 1, group: "team 0", double: 0 },
      { id: 2, group: "team 1", double: 2 },
    ]);
  });

  it("aggregate per group and over all rows", async () => {
    const groups = await teams
      .groupBy("team")
      .aggregate({ n: count(), total: sum("score") })
      .orderBy("team")
      .collect();
    expect(groups).toHaveLength(8);
    const nulls = rows.filter((row) => row.team === null);
    expect(groups.at(-1)).toEqual({
      team: null,
      n: BigInt(nulls.length),
      total: nulls.reduce((total, row) => total + (row.score ?? 0), 0),
    });
    expect(await teams.aggregate({ n: count(), top: max("score") }).collect()).toEqual([{ n: 1000n, top: 100 }]);
    const none = teams.filter(lit(false));
    expect(await none.aggregate({ n: count(), top: max("score") }).collect()).toEqual([{ n: 0n, top: null }]);
    expect(await none.groupBy("team").aggregate({ n: count() }).collect()).toEqual([]);
  });

  it("keep the whole row of an extreme", async () => {
    const best = await teams.groupBy("team").maxBy("score").orderBy("team").collect();
    expect(best.map((row) => row.score)).toEqual(
      Array(8)
        .fill(100)
        .map((top, i) => best[i].score ?? top),
    );
    for (const row of best) expect(rows[Number(row.id)]).toEqual(row);
  });

  it("join in every way", async () => {
    const names = env.fromRows(
      [
        { team: "team 1", city: "Ghent" },
        { team: "team 9", city: "Lyon" },
        { team: null, city: "Nowhere" },
      ],
      Schema.of({ team: types.utf8, city: types.utf8 }),
    );
    const few = teams.filter(col("id").lt(10));
    const inner = await few.join(names).where("team").equalTo("team").orderBy("id").collect();
    expect(inner.map((row) => [row.id, row.city])).toEqual([
      [1, "Ghent"],
      [8, "Ghent"],
    ]);
    const left = await few.leftOuterJoin(names).where("team").equalTo("team").collect();
    expect(left).toHaveLength(10);
    const right = await few.rightOuterJoin(names).where("team").equalTo("team").orderBy("city", "id").collect();
    expect(right.map((row) => [row.team, row.city, row.id])).toEqual([
      ["team 1", "Ghent", 1],
      ["team 1", "Ghent", 8],
      ["team 9", "Lyon", null],
      [null, "Nowhere", null],
    ]);
    const full = await few.fullOuterJoin(names).where("team").equalTo("team").collect();
    expect(full).toHaveLength(12);
    expect(full.filter((row) => row.city === "Lyon").map((row) => row.team)).toEqual(["team 9"]);
    expect(await few.semiJoin(names).on("team").count()).toBe(2);
    expect(await few.antiJoin(names).on("team").count()).toBe(8);
    const pairs = await few
      .leftOuterJoin(names)
      .on("team")
      .with((person, place) => ({ id: person.id, city: place?.city ?? "none" }))
      .orderBy("id")
      .first(2)
      .collect();
    expect(pairs).toEqual([
      { id: 0, city: "none" },
      { id: 1, city: "Ghent" },
    ]);
  });

  it("run functions over rows, groups and partitions", async () => {
    const mapped = await teams
      .filter((row) => row.score !== null && row.score > 95)
      .map((row) => ({ id: row.id, text: `${row.team}:${row.score}` }))
      .collect();
    const expected = rows
      .filter((row) => row.score !== null && row.score > 95)
      .map((row) => ({ id: row.id, text: `${row.team}:${row.score}` }));
    expect([...mapped].sort((a, b) => Number(a.id) - Number(b.id))).toEqual(expected);

    const spread = await teams
      .first(3)
      .flatMap(function* (row) {
        for (let i = 0; i < 2; i++) yield { id: Number(row.id) * 10 + i };
      })
      .collect();
    expect(spread.map((row) => row.id).sort((a, b) => Number(a) - Number(b))).toEqual([0, 1, 10, 11, 20, 21]);

    const summed = await teams
      .groupBy("team")
      .sortGroup(desc("score"))
      .reduceGroup((key, group) => {
        const members = [...group];
        return [{ team: key.team, top: members[0].score, size: members.length }];
      })
      .orderBy("team")
      .collect();
    expect(summed).toHaveLength(8);
    expect(summed.reduce((total, row) => total + Number(row.size), 0)).toBe(1000);

    const tops = await teams.groupBy("team").sortGroup(desc("score"), "id").first(2).collect();
    expect(tops).toHaveLength(16);

    const folded = await teams
      .select("id")
      .reduce((a, b) => ({ id: Math.max(Number(a.id), Number(b.id)) }))
      .collect();
    expect(folded).toEqual([{ id: 999 }]);

    const sizes = await teams
      .partitionByHash("team")
      .mapPartition((part) => [{ rows: [...part].length }])
      .collect();
    expect(sizes).toHaveLength(parallelism);
    expect(sizes.reduce((total, row) => total + Number(row.rows), 0)).toBe(1000);
  });

  it("group by what a function gives", async () => {
    const result = await teams
      .groupBy((row) => (row.score === null ? null : Number(row.score) > 50))
      .aggregate({ n: count(), mean: avg("score") })
      .orderBy("key")
      .collect();
    expect(result.map((row) => row.key)).toEqual([false, true, null]);
    expect(result.reduce((total, row) => total + Number(row.n), 0)).toBe(1000);
    const named = await teams
      .groupBy((row) => `${row.team}`.length, { name: "width", type: types.int32 })
      .count()
      .orderBy("width")
      .collect();
    expect(named.map((row) => row.width)).toEqual([4, 6]);
  });

  it("co-group both sides", async () => {
    const other = env.fromRows([{ team: "team 2" }, { team: "team 77" }], Schema.of({ team: types.utf8 }));
    const result = await teams
      .coGroup(other)
      .where("team")
      .equalTo("team")
      .with((key, left, right) => [{ team: key.team, left: [...left].length, right: [...right].length }])
      .orderBy("team")
      .collect();
    expect(result).toHaveLength(9);
    expect(result.filter((row) => row.right === 1).map((row) => [row.team, Number(row.left) > 0])).toEqual([
      ["team 2", true],
      ["team 77", false],
    ]);
  });

  it("union, cross, distinct and number rows", async () => {
    const few = teams.filter(col("id").lt(20));
    expect(await few.union(few).count()).toBe(40);
    expect(await few.union(few).distinct().count()).toBe(20);
    expect(await few.distinct("team").count()).toBe(8);
    expect(await few.cross(few).count()).toBe(400);
    const numbered = await few.zipWithIndex().collect();
    expect(numbered.map((row) => Number(row.index)).sort((a, b) => a - b)).toEqual(firstTwenty());
    const unique = await few.rebalance().zipWithUniqueId().collect();
    expect(new Set(unique.map((row) => row.uniqueId)).size).toBe(20);
    expect(await teams.sampleWithSize(17, 5).count()).toBe(17);
    const half = await teams.sample(false, 0.5, 3).count();
    expect(half).toBeGreaterThan(400);
    expect(half).toBeLessThan(600);
  });

  it("partition by ranges and by a function", async () => {
    const parts = await teams
      .partitionByRange("id")
      .mapPartition((part) => {
        const ids = [...part].map((row) => Number(row.id));
        return [{ low: Math.min(...ids), high: Math.max(...ids), rows: ids.length }];
      })
      .collect();
    expect(parts).toHaveLength(parallelism);
    const sorted = [...parts].sort((a, b) => Number(a.low) - Number(b.low));
    for (const [i, part] of sorted.entries()) {
      if (i > 0) expect(Number(part.low)).toBe(Number(sorted[i - 1].high) + 1);
      expect(Number(part.rows)).toBeGreaterThan(800 / parallelism / 2);
    }
    const custom = await teams
      .partitionCustom((id, partitionCount) => Number(id) % partitionCount, "id")
      .mapPartition((part) => [{ rests: [...new Set([...part].map((row) => Number(row.id) % parallelism))] }])
      .collect();
    expect(custom.map((part) => part.rests?.length)).toEqual(Array(parallelism).fill(1));
    const wrong = teams.partitionCustom(() => 99, "id").count();
    await expect(wrong).rejects.toMatchObject({ code: "PARTITION_INVALID" });
  });

  it("summarize their columns", async () => {
    const [id, team, score] = await teams.summarize();
    expect(id).toMatchObject({ column: "id", rows: 1000, nulls: 0, distinct: 1000, min: 0, max: 999, mean: 499.5 });
    expect(team).toMatchObject({ column: "team", distinct: 7, min: "team 0", max: "team 6", mean: null });
    expect(score.nulls).toBe(rows.filter((row) => row.score === null).length);
  });

  it("iterate until they converge", async () => {
    const start = env.fromRows([{ x: 1 }, { x: 40 }], Schema.of({ x: types.float64 }));
    const result = await start
      .iterate(100, (loop) => {
        const next = loop.select({ x: col("x").mul(2) });
        return { next, continueWhile: next.filter(col("x").lt(100)) };
      })
      .orderBy("x")
      .collect();
    expect(result).toEqual([{ x: 128 }, { x: 5120 }]);
  });

  it("find components by a delta iteration", async () => {
    const edges = env.fromRows(
      [
        { from: 1, to: 2 },
        { from: 2, to: 3 },
        { from: 5, to: 6 },
      ],
      Schema.of({ from: types.int32, to: types.int32 }),
    );
    const both = edges.union(edges.select({ from: col("to"), to: col("from") }));
    const vertices = env.fromRows(
      [1, 2, 3, 4, 5, 6].map((id) => ({ id, component: id })),
      Schema.of({ id: types.int32, component: types.int32 }),
    );
    const components = vertices.iterateDelta(vertices, 10, ["id"], (solution, workset) => {
      const candidates = workset
        .join(both)
        .where("id")
        .equalTo("from")
        .groupBy("to")
        .aggregate({ candidate: max("component") })
        .select({ id: col("to"), candidate: col("candidate") });
      const delta = candidates
        .join(solution)
        .where("id")
        .equalTo("id")
        .filter(col("candidate").gt(col("component")))
        .select({ id: col("id"), component: col("candidate") });
      return { delta, nextWorkset: delta };
    });
    const result = await components.orderBy("id").collect();
    expect(result.map((row) => row.component)).toEqual([3, 3, 3, 4, 6, 6]);
  });

  it("hand rows over one by one and stop early", async () => {
    let seen = 0;
    for await (const row of teams.orderBy("id")) {
      expect(row.id).toBe(seen);
      if (++seen === 100) break;
    }
    expect(seen).toBe(100);
    expect(await teams.count()).toBe(1000);
  });

  it("persist rows for later jobs", async () => {
    const kept = await teams.filter(col("id").lt(100)).persist();
    expect(await kept.count()).toBe(100);
    expect(await kept.aggregate({ mean: avg("id"), ids: list("id") }).collect()).toMatchObject([{ mean: 49.5 }]);
  });

  it("write files that other jobs read", async () => {
    for (const format of ["parquet", "csv", "json", "arrow"] as const) {
      const target = join(folder, `${format}-${parallelism}`);
      const write = { parquet: "writeParquet", csv: "writeCsv", json: "writeJson", arrow: "writeArrow" } as const;
      teams[write[format]](target);
      await env.execute();
      expect(readdirSync(target).every((name) => !name.startsWith("."))).toBe(true);
      const read = { parquet: "readParquet", csv: "readCsv", json: "readJson", arrow: "readArrow" } as const;
      const [back] = await env[read[format]](target)
        .aggregate({ n: count(), total: sum("score") })
        .collect();
      expect(back.n).toBe(1000n);
      // Text formats cannot tell float64 from whole numbers.
      expect(Number(back.total)).toBe(rows.reduce((total, row) => total + (row.score ?? 0), 0));
      teams[write[format]](target);
      await expect(env.execute()).rejects.toMatchObject({ code: "TARGET_EXISTS" });
    }
  });

  it("report what functions counted", async () => {
    const target = join(folder, `counted-${parallelism}.csv`);
    teams
      .map(
        (row, context) => {
          context.intCounter("seen").add(1);
          return { id: Number(row.id) };
        },
        { schema: Schema.of({ id: types.float64 }) },
      )
      .writeCsv(target, { overwrite: "overwrite" });
    const result = await env.execute();
    expect(result.accumulators).toEqual({ seen: 1000 });
  });

  it("fail with the operator and leave nothing behind", async () => {
    const broken = teams.withColumns({ huge: col("id").add(2_147_483_647) });
    await expect(broken.collect()).rejects.toSatisfy(
      (error) =>
        error instanceof EngineError &&
        error.code === "EXPRESSION_OVERFLOW" &&
        /dataset\.test\.ts:\d+/.test(error.operator ?? ""),
    );
    const target = join(folder, `broken-${parallelism}`);
    broken.writeParquet(target);
    await expect(env.execute()).rejects.toMatchObject({ code: "EXPRESSION_OVERFLOW" });
    expect(() => readdirSync(target)).toThrow();
    await expect(
      teams
        .map(() => {
          throw new Error("mine");
        })
        .collect(),
    ).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
  });
});

const firstTwenty = () => Array.from({ length: 20 }, (_, i) => i);
