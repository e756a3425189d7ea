import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  aggregatingState,
  col,
  count,
  desc,
  ExecutionEnvironment,
  type Expression,
  listState,
  lit,
  mapState,
  Savepoint,
  Schema,
  StreamExecutionEnvironment,
  sum,
  types,
  valueState,
} from "../../../src/index.ts";
import { withDirectory } from "../../support/host.ts";

const env = ExecutionEnvironment.create({ parallelism: 1 });
const total = valueState("total", types.int64);
const numbers = Schema.of({ key: types.int32, value: types.int64 });
const some = env.fromRows(
  [
    { key: 1, value: 10n },
    { key: 2, value: 20n },
  ],
  numbers,
);

/** A savepoint of `{ key, value }` as the state "total" of "sums". */
const made = async (path: string): Promise<Savepoint> => {
  await (await Savepoint.create({ maxParallelism: 16 })).withState("sums", total, some).write(path);
  return Savepoint.open(path);
};

describe("a savepoint that is made", () => {
  it("is what functions begin from: values, lists in order, maps, accumulators, structs as columns, several keys", () =>
    withDirectory(async (directory) => {
      const customer = valueState("customer", types.struct({ name: types.utf8, "older name": types.utf8 }));
      const visits = listState("visits", types.utf8, { ttl: { ttlMs: 1e9 } });
      const byDay = mapState("by day", types.date, types.float64);
      const average = aggregatingState(
        "average",
        {
          createAccumulator: () => ({ sum: 0, rows: 0 }),
          add: (acc: { sum: number | null; rows: number | null }, value: number) => ({
            sum: (acc.sum ?? 0) + value,
            rows: (acc.rows ?? 0) + 1,
          }),
          getResult: (acc: { sum: number | null; rows: number | null }) => (acc.sum ?? 0) / (acc.rows ?? 1),
          merge: (a: { sum: number | null; rows: number | null }) => a,
        },
        types.struct({ sum: types.float64, rows: types.int32 }),
      );
      const key = { shop: types.utf8, id: types.int64 };
      const rows = <F extends Parameters<typeof Schema.of>[0]>(fields: F, given: object[]) =>
        env.fromRows(given, Schema.of({ ...key, ...fields }));
      const keys = ["shop", "id"];
      const ghent = { shop: "Ghent", id: 1n };
      const savepoint = (await Savepoint.create({ maxParallelism: 8 }))
        .withState(
          "seen",
          customer,
          rows({ "older name": types.utf8, name: types.utf8 }, [{ ...ghent, name: "Ann", "older name": null }]),
          { keys },
        )
        .withState(
          "seen",
          visits,
          rows({ value: types.utf8, position: types.int64 }, [
            { ...ghent, value: "third", position: 9n },
            { ...ghent, value: "first", position: -1n },
            { ...ghent, value: "second", position: 3n },
          ]),
        )
        .withState(
          "seen",
          byDay,
          rows({ mapKey: types.date, value: types.float64 }, [
            { ...ghent, mapKey: 5, value: 0.5 },
            { ...ghent, mapKey: 6, value: null },
          ]),
        )
        .withState("seen", average, rows({ sum: types.float64, rows: types.int32 }, [{ ...ghent, sum: 9, rows: 2 }]));
      await savepoint.write(join(directory, "made"));
      const stream = StreamExecutionEnvironment.create({ maxParallelism: 8 });
      const found: unknown[] = [];
      stream
        .fromCollection(
          [
            { id: 1n, shop: "Ghent" },
            { id: 1n, shop: "Bruges" },
          ],
          Schema.of({ id: types.int64, shop: types.utf8 }),
        )
        .keyBy("shop", "id")
        .process(
          {
            processElement(_, { state }, out) {
              state(average).add(3);
              const values = [
                state(customer).get(),
                state(visits).get(),
                [...state(byDay).entries()],
                state(average).get(),
              ];
              out.collect({ text: JSON.stringify(values) });
            },
          },
          { schema: Schema.of({ text: types.utf8 }) },
        )
        .uid("seen")
        .forEach(({ text }) => void found.push(JSON.parse(text ?? "")));
      await stream.execute({ restoreFrom: join(directory, "made") });
      expect(found).toEqual([
        [
          { name: "Ann", "older name": null },
          ["first", "second", "third"],
          [
            [5, 0.5],
            [6, null],
          ],
          4,
        ],
        [null, [], [], 3],
      ]);
    }));

  it("has operator list state, union list state and broadcast state", () =>
    withDirectory(async (directory) => {
      const [spread, all] = [listState("spread", types.int32), listState("all", types.utf8)];
      const rules = mapState("rules", types.utf8, types.int32);
      const texts = (...values: string[]) => env.fromRows(values.map((value) => ({ value })));
      const savepoint = (await Savepoint.create())
        .withState(
          "lists",
          spread,
          env.fromRows([{ value: 1 }, { value: 2 }, { value: 3 }], Schema.of({ value: types.int32 })),
          { kind: "list" },
        )
        .withState("lists", all, texts("x", "y"), { kind: "union" })
        .withState(
          "ruled",
          rules,
          env.fromRows([{ mapKey: "a", value: 7 }], Schema.of({ mapKey: types.utf8, value: types.int32 })),
          {
            kind: "broadcast",
          },
        );
      await savepoint.write(join(directory, "made"));
      const opened = await Savepoint.open(join(directory, "made"));
      expect(opened.states.map(({ uid, name, kind, rows }) => `${uid} ${name} ${kind} ${rows}`)).toEqual([
        "lists operatorList:spread list 3",
        "lists operatorUnion:all union 2",
        "ruled broadcast:rules broadcast 1",
      ]);
      const found: string[] = [];
      const stream = StreamExecutionEnvironment.create();
      const schema = Schema.of({ text: types.utf8 });
      const words = stream.fromCollection([{ word: "a" }, { word: "b" }], Schema.of({ word: types.utf8 }));
      let lists: string[] = [];
      words
        .process(
          {
            open: (runtime) => {
              lists = [runtime.operatorListState(spread).get().join(), runtime.unionListState(all).get().join()];
            },
            processElement: ({ word }, _, out) => out.collect({ text: `${word} ${lists.join(" ")}` }),
          },
          { schema },
        )
        .uid("lists")
        .forEach(({ text }) => void found.push(String(text)));
      await stream.execute({ restoreFrom: join(directory, "made"), allowNonRestoredState: true });
      expect(found).toEqual(["a 1,2,3 x,y", "b 1,2,3 x,y"]);
      expect(await opened.state("ruled", rules).collect()).toEqual([{ mapKey: "a", value: 7 }]);
    }));
});

describe("a savepoint that is changed", () => {
  it("has states of the engine's aggregates, by name, and steps under other uids or none", () =>
    withDirectory(async (directory) => {
      /** Rows of each key so far, of a source without end. */
      const program = (uid: string, rowsOf: Map<unknown, number>) => {
        const stream = StreamExecutionEnvironment.create({ maxParallelism: 16 });
        stream
          .fromGenerator({ n: col("n"), key: col("n").mod(3) }, { rowsPerSecond: 500 })
          .uid("numbers")
          .keyBy("key")
          .aggregate({ total: sum("n"), rows: count() })
          .uid(uid)
          .toChangelog()
          .forEach(({ key, rows }) => void rowsOf.set(key, Number(rows)));
        return stream;
      };
      const until = async (holds: () => boolean) => {
        while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
      };
      const before = new Map<unknown, number>();
      const job = await program("totals", before).executeAsync();
      await until(() => (before.get(2n) ?? 0) >= 20);
      await job.stopWithSavepoint(join(directory, "old"));
      const savepoint = await Savepoint.open(join(directory, "old"));
      const groups = savepoint.state("totals", "groups");
      expect((await groups.schema()).names).toContain("key");
      // Key 1 begins anew.
      const without = groups.filter(col("key" as never).ne(1 as never) as never);
      const changed = savepoint.withState("totals", "groups", without).renamedOperator("totals", "sums");
      await changed.write(join(directory, "new"));
      const after = new Map<unknown, number>();
      const second = await program("sums", after).executeAsync({ restoreFrom: join(directory, "new") });
      await until(() => after.size === 3);
      await second.cancel();
      const [first = 0, anew = 0, last = 0] = [0n, 1n, 2n].map((key) => after.get(key));
      expect(first).toBeGreaterThan(before.get(0n) ?? 0);
      expect(last).toBeGreaterThan(before.get(2n) ?? 0);
      expect(anew).toBeLessThanOrEqual(first - (before.get(0n) ?? 0) + 1);
      const forgotten = savepoint.withoutOperator("totals");
      expect(forgotten.states.filter(({ uid }) => uid === "totals")).toEqual([]);
      await forgotten.write(join(directory, "none"));
      const third = await program("totals", after).executeAsync({ restoreFrom: join(directory, "none") });
      await third.cancel();
    }));

  it("replaces a state of one name whatever it was, and keeps keys that are called like columns of states", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "a");
      const rows = env.fromRows(
        [{ "key.value": "x", position: 3, value: 1n }],
        Schema.of({ "key.value": types.utf8, position: types.int32, value: types.int64 }),
      );
      const first = (await Savepoint.create()).withState("sums", total, rows, { keys: ["key.value", "position"] });
      await first.write(path);
      const opened = await Savepoint.open(path);
      expect(String(opened.states[0].schema)).toBe("key.value utf8, key.position int32, value int64");
      const again = opened.withState("sums", listState("total", types.int64), opened.state("sums", total));
      expect(again.states.map(({ name }) => name)).toEqual(["list:total"]);
      await again.write(join(directory, "b"));
      const [row] = await (await Savepoint.open(join(directory, "b"))).state("sums", "total").collect();
      expect(row).toEqual({ "key.value": "x", "key.position": 3, value: 1n, position: 0n });
      // What is yet to be written is read as what it was given as.
      expect(await again.state("sums", "total").count()).toBe(1);
      expect(again.states[0].rows).toBeUndefined();
    }));
});

describe("a savepoint as datasets refuses, and leaves nothing behind", () => {
  it("states, steps and paths that are not there", () =>
    withDirectory(async (directory) => {
      const savepoint = await made(join(directory, "a"));
      expect(() => savepoint.state("other", "total")).toThrow(expect.objectContaining({ code: "STATE_UNKNOWN" }));
      expect(() => savepoint.state("sums", "other")).toThrow(/There is "value:total"/);
      expect(() => savepoint.withoutOperator("other")).toThrow(expect.objectContaining({ code: "STATE_UNKNOWN" }));
      expect(() => savepoint.withoutState("sums", "x")).toThrow(expect.objectContaining({ code: "STATE_UNKNOWN" }));
      expect(() => savepoint.withState("sums", "panes", some)).toThrow(
        expect.objectContaining({ code: "STATE_UNKNOWN" }),
      );
      expect(() => savepoint.renamedOperator("sums", "")).toThrow(
        expect.objectContaining({ code: "ARGUMENT_INVALID" }),
      );
      const two = savepoint.withState("more", total, some);
      expect(() => two.renamedOperator("sums", "more")).toThrow(
        expect.objectContaining({ code: "SAVEPOINT_UID_TAKEN" }),
      );
      await expect(Savepoint.open(join(directory, "none"))).rejects.toMatchObject({ code: "SAVEPOINT_NOT_FOUND" });
      await expect(savepoint.write(join(directory, "a"))).rejects.toMatchObject({ code: "SAVEPOINT_EXISTS" });
      await expect(savepoint.write("")).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
      await expect(Savepoint.create({ maxParallelism: 0 })).rejects.toMatchObject({ code: "MAX_PARALLELISM_INVALID" });
      await expect(Savepoint.create({ other: 1 } as never)).rejects.toMatchObject({ code: "OPTION_UNKNOWN" });
      const wide = Schema.of({ value: types.int32 });
      expect(() => savepoint.state("sums", total, { schema: wide })).toThrow(
        expect.objectContaining({ code: "SCHEMA_MISMATCH" }),
      );
    }));

  it.each([
    [
      "a value of another type",
      some.withColumns({ value: col("value").cast(types.int32) }),
      {},
      /needs "value" as int64, and the rows have it as int32/,
    ],
    ["no value", some.drop("value"), {}, /the rows lack it/],
    [
      "columns that are no part of it",
      some.withColumns({ more: col("key") }),
      { keys: ["key"] },
      /no column for "more"/,
    ],
    [
      "another key than other states of the step",
      some.rename({ key: "k" }),
      {},
      /needs "key" as int32, and the rows lack it/,
    ],
    [
      "a key that is said to be another one",
      some.rename({ key: "k" }),
      { keys: ["k"] },
      /was given the key "k", and other states of the step have "key"/,
    ],
  ])("%s", (_, rows, options, message) =>
    withDirectory(async (directory) => {
      const savepoint = await made(join(directory, "a"));
      const refused = expect.objectContaining({
        code: "STATE_COLUMNS_INVALID",
        message: expect.stringMatching(message),
      });
      expect(() => savepoint.withState("sums", total, rows as never, options)).toThrow(refused);
    }),
  );

  it("arguments of other kinds", () =>
    withDirectory(async (directory) => {
      const savepoint = await made(join(directory, "a"));
      const refused = expect.objectContaining({ code: "ARGUMENT_INVALID" });
      expect(() => savepoint.withState("sums", total, [] as never)).toThrow(refused);
      expect(() => savepoint.withState("", total, some)).toThrow(refused);
      expect(() => savepoint.withState("sums", total, some, { keys: "key" as never })).toThrow(refused);
      expect(() => savepoint.withState("sums", total, some, { kind: "list" })).toThrow(refused);
      expect(() => savepoint.withState("sums", null as never, some)).toThrow(refused);
    }));

  it("rows of key groups that there are not", () =>
    withDirectory(async (directory) => {
      const stream = StreamExecutionEnvironment.create({ parallelism: 1, maxParallelism: 16 });
      let seen = 0;
      stream
        .fromGenerator({ key: col("n").mod(3n), n: col("n") }, { count: 1e6, rowsPerSecond: 100 })
        .keyBy("key")
        .topN(2, desc("n"))
        .uid("best")
        .toChangelog()
        .forEach(() => {
          seen++;
        });
      const job = await stream.executeAsync();
      while (seen < 5) await new Promise((resolve) => setTimeout(resolve, 5));
      await job.stopWithSavepoint(join(directory, "a"));
      const savepoint = await Savepoint.open(join(directory, "a"));
      const [best] = savepoint.states.filter(({ uid, schema }) => uid === "best" && schema?.has("keyGroup"));
      const rows = savepoint.state("best", best.name);
      const write = (name: string, group: Expression) =>
        savepoint.withState("best", best.name, rows.withColumns({ keyGroup: group })).write(join(directory, name));
      await write("same", col("keyGroup"));
      for (const [i, group] of [lit(16), lit(-1), lit(null)].entries()) {
        await expect(write(`other${i}`, group.cast(types.int32))).rejects.toMatchObject({
          code: "STATE_KEY_GROUP_INVALID",
          message: expect.stringMatching(
            /of the step "best" was given a row of the key group (16|-1|null), and there are 16/,
          ),
        });
        expect(existsSync(join(directory, `other${i}`))).toBe(false);
      }
    }));

  it("rows that are no state, found when they are computed", () =>
    withDirectory(async (directory) => {
      const savepoint = await made(join(directory, "a"));
      const target = join(directory, "b");
      const twice = savepoint.withState("sums", total, some.union(some));
      await expect(twice.write(target)).rejects.toMatchObject({
        code: "STATE_KEY_DUPLICATE",
        message: expect.stringMatching(/"total" of the step "sums" .* several for [12]\./),
      });
      const nulls = env.fromRows(
        [{ key: 1, mapKey: null, value: 1n }],
        Schema.of({ key: types.int32, mapKey: types.utf8, value: types.int64 }),
      );
      const inMap = savepoint.withState("sums", mapState("m", types.utf8, types.int64), nulls);
      await expect(inMap.write(target)).rejects.toMatchObject({ code: "STATE_MAP_KEY_NULL" });
      const failing = some.map(
        () => {
          throw new Error("as it was told");
        },
        { schema: numbers },
      );
      await expect(savepoint.withState("sums", total, failing).write(target)).rejects.toMatchObject({
        code: "USER_FUNCTION_FAILED",
      });
      // Columns that are known only once rows were looked at.
      const late = some.map(({ key }) => ({ key }));
      await expect(savepoint.withState("sums", total, late).write(target)).rejects.toMatchObject({
        code: "STATE_COLUMNS_INVALID",
      });
      const signal = AbortSignal.abort();
      await expect(savepoint.withState("sums", total, some).write(target, { signal })).rejects.toMatchObject({
        code: "JOB_CANCELLED",
      });
      expect(existsSync(target)).toBe(false);
      expect(readdirSync(directory)).toEqual(["a"]);
    }));
});
