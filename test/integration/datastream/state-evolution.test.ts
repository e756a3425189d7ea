import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import {
  col,
  count,
  type DataStream,
  type ExecuteOptions,
  lit,
  max,
  min,
  Schema,
  StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

type Build = (rows: DataStream) => DataStream;
const COUNT = 120;

/** Runs a program over 100 rows a second, up to a savepoint or to its end, and gives its rows. */
async function run(
  host: Host,
  build: Build,
  {
    parallelism = 2,
    stopMs,
    savepoint = "/save",
    ...options
  }: ExecuteOptions & { parallelism?: number; stopMs?: number; savepoint?: string } = {},
): Promise<Record<string, unknown>[]> {
  const env = StreamExecutionEnvironment.create({
    host,
    parallelism,
    maxParallelism: 16,
    batchRows: 5,
    bufferTimeoutMs: 1,
  });
  const found: Record<string, unknown>[] = [];
  const times = WatermarkStrategy.boundedOutOfOrderness<never>(0).withTimestamps("t" as never) as never;
  const numbers = env
    .fromGenerator(
      { n: col("n"), key: col("n").mod(4n).cast(types.int32), t: col("n").mul(10n) },
      { count: COUNT, rowsPerSecond: 100 },
      times,
    )
    .uid("numbers");
  build(numbers as never as DataStream).forEach((row) => {
    const plain = row as unknown as { toObject?: () => Record<string, unknown> };
    found.push(plain.toObject?.() ?? { ...(row as object) });
  });
  const job = await env.executeAsync(options);
  if (stopMs !== undefined) {
    await new Promise<void>((resolve) => void host.scheduler.after(stopMs, resolve));
    await job.stopWithSavepoint(savepoint);
  }
  await job.result();
  return found;
}

/** Rows of a program that is stopped, and goes on as another one. */
async function changed(before: Build, after: Build, options: ExecuteOptions & { parallelism?: number } = {}) {
  return new Simulation({ seed: 3, parallelism: 4 }).run(async (host) => {
    const first = await run(host, before, { stopMs: 600 });
    const second = await run(host, after, { restoreFrom: "/save", ...options });
    return { first, second };
  });
}

const texts = (rows: readonly Record<string, unknown>[]): string[] =>
  rows
    .map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === "object" ? value : String(value))))
    .sort();

const running =
  (type: typeof types.int32 | typeof types.int64 | typeof types.float64, name = "total"): Build =>
  (rows) => {
    const total = valueState(name, type as typeof types.float64);
    const add = (a: unknown, b: number) => (type.kind === "int64" ? BigInt(a as bigint) + BigInt(b) : Number(a) + b);
    return rows
      .keyBy("key" as never)
      .process(
        {
          processElement(row, { state }, out) {
            const { n } = row as { n: bigint };
            const next = add(state(total).get() ?? (type.kind === "int64" ? 0n : 0), Number(n));
            state(total).set(next as number);
            out.collect({ n, total: Number(next) });
          },
        },
        { schema: Schema.of({ n: types.int64, total: types.float64 }) },
      )
      .uid("running") as never as DataStream;
  };

describe("state of functions", () => {
  it.each([
    [types.int32, types.int64],
    [types.int32, types.float64],
  ])("is wider where its type is", async (from, to) => {
    const { first, second } = await changed(running(from as never), running(to as never), { parallelism: 3 });
    const whole = await new Simulation({ seed: 3, parallelism: 4 }).run((host) => run(host, running(to as never)));
    expect(texts([...first, ...second])).toEqual(texts(whole));
  });

  it("is found under its new name", async () => {
    const renamedState = { running: { total: "sum" } };
    const { first, second } = await changed(running(types.int64), running(types.int64, "sum"), { renamedState });
    const whole = await new Simulation({ seed: 3, parallelism: 4 }).run((host) => run(host, running(types.int64)));
    expect(texts([...first, ...second])).toEqual(texts(whole));
  });

  it("is found under its new name where the job fails and goes on before its first checkpoint", () =>
    new Simulation({ seed: 3 }).run(async (host) => {
      const sums = new Map<bigint, bigint>();
      const start = (name: string, failures = 0) => {
        const total = valueState(name, types.int64);
        const env = StreamExecutionEnvironment.create({ host });
        env.enableCheckpointing(100, { directory: "/job" });
        env
          .fromGenerator({ n: col("n"), key: col("n").mod(4n) }, { count: COUNT, rowsPerSecond: 100 })
          .uid("numbers")
          .keyBy("key")
          .process(
            {
              processElement({ n }, { state }, out) {
                if (failures-- > 0) throw new Error("not yet");
                const sum = (state(total).get() ?? 0n) + (n ?? 0n);
                state(total).set(sum);
                out.collect({ n, sum });
              },
            },
            { schema: Schema.of({ n: types.int64, sum: types.int64 }) },
          )
          .uid("running")
          .forEach(({ n, sum }) => void sums.set(n ?? -1n, sum ?? -1n));
        return env;
      };
      const before = await start("total").executeAsync();
      await new Promise<void>((resolve) => void host.scheduler.after(550, resolve));
      await before.cancel();
      const after = await start("sum", 2).executeAsync({ renamedState: { running: { total: "sum" } } });
      await after.result();
      expect(after.restarts).toBe(2);
      for (let n = 0n; n < COUNT; n++) expect(sums.get(n)).toBe((sums.get(n - 4n) ?? 0n) + n);
    }));

  it("has fields of structs that are new, gone, wider and renamed", async () => {
    const old = valueState("seen", types.struct({ times: types.int32, last: types.int64, gone: types.utf8 }));
    const now = valueState("seen", types.struct({ more: types.utf8, latest: types.int64, times: types.int64 }));
    const schema = Schema.of({ text: types.utf8 });
    const before: Build = (rows) =>
      rows
        .keyBy("key" as never)
        .process(
          {
            processElement(row, { state }, out) {
              const { n } = row as { n: bigint };
              const times = Number(state(old).get()?.times ?? 0) + 1;
              state(old).set({ times, last: n, gone: "x" });
              out.collect({ text: "" });
            },
          },
          { schema },
        )
        .uid("seen") as never as DataStream;
    const after: Build = (rows) =>
      rows
        .keyBy("key" as never)
        .process(
          {
            processElement(row, { state }, out) {
              const { n } = row as { n: bigint };
              const held = state(now).get();
              out.collect({ text: `${n} ${held?.times} ${held?.latest} ${held?.more}` });
              state(now).set({ times: (held?.times ?? 0n) + 1n, latest: n, more: "new" });
            },
          },
          { schema },
        )
        .uid("seen") as never as DataStream;
    const { first, second } = await changed(before, after, { renamedState: { seen: { last: "latest" } } });
    const from = first.length;
    const expected = Array.from({ length: COUNT - from }, (_, i) => {
      const n = from + i;
      return `${n} ${Math.floor(n / 4)} ${n - 4} ${n - 4 < from ? null : "new"}`;
    });
    expect(second.map(({ text }) => text as string).sort()).toEqual(expected.sort());
  });

  it("has its new names once and for all, also where nobody has asked for it", () =>
    new Simulation({ seed: 3 }).run(async (host) => {
      const of = (fields: Record<string, types.DataType>) => valueState("last", types.struct(fields));
      const build =
        (last: ReturnType<typeof of>, isAskedFor: (n: bigint) => boolean): Build =>
        (rows) =>
          rows
            .keyBy("key" as never)
            .process(
              {
                processElement(row, { state }, out) {
                  const { n } = row as { n: bigint };
                  if (!isAskedFor(n)) return;
                  const held = state(last).get() as Record<string, bigint> | undefined;
                  out.collect({ text: `${n} ${held?.n ?? held?.number}` });
                  state(last).set({ [Object.keys((last.type as { fields: object }).fields)[0]]: n });
                },
              },
              { schema: Schema.of({ text: types.utf8 }) },
            )
            .uid("seen") as never as DataStream;
      const [old, fresh] = [of({ n: types.int64 }), of({ number: types.int64 })];
      await run(
        host,
        build(old, () => true),
        { stopMs: 300, savepoint: "/first" },
      );
      const silent = {
        stopMs: 300,
        savepoint: "/second",
        restoreFrom: "/first",
        renamedState: { seen: { n: "number" } },
      };
      expect(
        await run(
          host,
          build(fresh, () => false),
          silent,
        ),
      ).toEqual([]);
      const last = await run(
        host,
        build(fresh, () => true),
        { restoreFrom: "/second" },
      );
      const [first] = texts(last);
      expect(first).toMatch(/"\d+ \d+"/);
    }));

  it.each([
    ["swaps two", { total: "sum", sum: "total" }],
    ["hands one on", { total: "sum", sum: "all" }],
    ["makes one of two", { total: "sum", all: "sum" }],
  ])(
    "is not renamed in a way that %s, since who goes on from a checkpoint behind it would do so again",
    async (_, names) => {
      const options = { renamedState: { running: names } };
      await expect(changed(running(types.int64), running(types.int64, "sum"), options)).rejects.toMatchObject({
        code: "OPTION_INVALID",
        message: expect.stringContaining('"running" has "'),
      });
    },
  );

  it("is not renamed to a name that the snapshot has already", async () => {
    const both: Build = (rows) =>
      rows
        .keyBy("key" as never)
        .process(
          {
            processElement(row, { state }, out) {
              const { n } = row as { n: bigint };
              state(valueState("total", types.int64)).set(n);
              state(valueState("sum", types.int64)).set(-n);
              out.collect({ n, total: 0 });
            },
          },
          { schema: Schema.of({ n: types.int64, total: types.float64 }) },
        )
        .uid("running") as never as DataStream;
    const options = { renamedState: { running: { total: "sum" } } };
    await expect(changed(both, running(types.int64, "sum"), options)).rejects.toMatchObject({
      code: "STATE_INCOMPATIBLE",
      message: expect.stringContaining('"sum" twice'),
    });
  });

  it.each([
    [types.int64, types.int32, "as int32, but the snapshot has it as int64"],
    [types.float64, types.int64, "as int64, but the snapshot has it as float64"],
  ])("is refused where it would lose something, telling what", async (from, to, message) => {
    await expect(changed(running(from as never), running(to as never))).rejects.toMatchObject({
      code: "STATE_INCOMPATIBLE",
      message: expect.stringContaining(message),
    });
  });
});

describe("state of the engine's steps", () => {
  const window =
    (...names: ("total" | "rows" | "least" | "greatest")[]): Build =>
    (rows) => {
      const all = { total: sum("n"), rows: count(), least: min("n"), greatest: max("n") } as unknown as Record<
        string,
        never
      >;
      const chosen = Object.fromEntries(names.map((name) => [name, all[name]]));
      return rows
        .keyBy("key" as never)
        .window(TumblingEventTimeWindows.of(500))
        .aggregate(chosen as never)
        .uid("windows") as never as DataStream;
    };

  it("of aggregates goes by what they are, not by their order: some may be left out", async () => {
    const whole = await new Simulation({ seed: 3, parallelism: 4 }).run((host) =>
      run(host, window("greatest", "rows", "total")),
    );
    const { second } = await changed(window("total", "rows", "least", "greatest"), window("greatest", "rows", "total"));
    expect(second.length).toBeGreaterThan(3);
    expect(texts(whole)).toEqual(expect.arrayContaining(texts(second)));
    // One more was not kept for the rows of before.
    await expect(changed(window("total"), window("total", "least"))).rejects.toMatchObject({
      code: "STATE_INCOMPATIBLE",
      message: expect.stringMatching(/"windows".*"state min n"/),
    });
  });

  const wideKey = (build: Build): Build => {
    return (rows) => build(rows.select("n", "t", col("key").cast(types.int64).as("key")) as never as DataStream);
  };
  const counted: Build = (rows) =>
    rows
      .keyBy("key" as never)
      .aggregate({ seen: count(), most: max("n" as never) } as never)
      .uid("counted")
      .toChangelog() as never as DataStream;

  it("of a wider key goes to the subtask that the key belongs to now", async () => {
    const program = (build: Build) => new Simulation({ seed: 3, parallelism: 4 }).run((host) => run(host, build));
    for (const build of [window("total", "rows"), running(types.int64)]) {
      const { first, second } = await changed(build, wideKey(build), { parallelism: 3 });
      expect(texts([...first, ...second])).toEqual(texts(await program(wideKey(build))));
    }
    // Of a changelog, what is last of each key.
    const last = (rows: readonly Record<string, unknown>[]) =>
      [...new Map(rows.map((row) => [String(row.key), texts([row])[0]])).values()].sort();
    const { second } = await changed(counted, wideKey(counted), { parallelism: 3 });
    expect(last(second)).toEqual(last(await program(wideKey(counted))));
  });

  it("of joins has columns that are new as null, and leaves those out that are gone", async () => {
    const join =
      (...columns: string[]): Build =>
      (rows) => {
        const side = rows.select("n", "key", "t", lit("x").as("old"), lit(7).as("new"));
        const right = side.select("n", "key", ...(columns as never[])) as never as DataStream;
        return (rows.select("n", "key").filter(col("n").gt(99n)) as never as DataStream)
          .keyBy("key" as never)
          .join(right.keyBy("key" as never) as never)
          .updating()
          .uid("joined")
          .toChangelog() as never as DataStream;
      };
    const { second } = await changed(join("old"), join("new"));
    const news = second.map((row) => (row as { new: unknown }).new);
    expect(news).toContain(null);
    expect(news).toContain(7);
    expect(second[0]).not.toHaveProperty("old");
  });
});
