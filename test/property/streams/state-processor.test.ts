import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import {
  col,
  type DataSet,
  type ExecuteOptions,
  ExecutionEnvironment,
  listState,
  lit,
  mapState,
  reducingState,
  Savepoint,
  Schema,
  StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
  when,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { cases } from "../../support/cases.ts";
import { withDirectory } from "../../support/host.ts";
import { putIn, takeOut } from "../../support/simulated-savepoints.ts";

beforeAll(loadEngine);

const WORDS = ["tea", "rice", "", null, "größe", "\u{1f980}", "milk"];
const input = Schema.of({ n: types.int64, word: types.utf8, t: types.int64 });
const given = types.struct({ times: types.int64, last: types.int64 });
const total = valueState("total", given);
const seen = listState("seen", types.int64);
const byRest = mapState("by rest", types.int32, types.int64);
// biome-ignore lint/complexity/useMathMinMax: of bigint
const most = reducingState("most", types.int64, (a, b) => (a < b ? b : a));
const output = Schema.of({ text: types.utf8 });

const MS_PER_ROW = 10;

/** Runs a program with state of every kind over a row every 10 ms, up to a savepoint or to its end; gives its rows. */
async function run(
  host: Host,
  words: readonly number[],
  { parallelism = 2, stopAt, ...options }: ExecuteOptions & { parallelism?: number; stopAt?: number } = {},
): Promise<string[]> {
  const env = StreamExecutionEnvironment.create({
    host,
    parallelism,
    maxParallelism: 16,
    batchRows: 3,
    bufferTimeoutMs: 1,
  });
  const found: string[] = [];
  const rows = env
    .fromGenerator(
      (n) => ({ n, word: WORDS[words[n % words.length]], t: n * MS_PER_ROW }),
      { schema: input, count: words.length, rowsPerSecond: 1000 / MS_PER_ROW },
      WatermarkStrategy.monotonous<{ t: typeof types.int64 }>().withTimestamps("t") as never,
    )
    .uid("words");
  rows
    .keyBy("word")
    .process(
      {
        processElement({ n, word }, { state }, out) {
          const value = n ?? -1n;
          const before = state(total).get();
          state(total).set({ times: (before?.times ?? 0n) + 1n, last: value });
          state(seen).add(value);
          const rest = Number(value % 3n);
          state(byRest).set(rest, (state(byRest).get(rest) ?? 0n) + value);
          state(most).add(value % 5n);
          const texts = [
            before?.times,
            before?.last,
            state(seen).get(),
            [...state(byRest).entries()].sort(),
            state(most).get(),
          ];
          out.collect({ text: `${n} ${word} ${texts.join(" ")}` });
        },
      },
      { schema: output },
    )
    .uid("functions")
    .forEach(({ text }) => void found.push(String(text)));
  rows
    .keyBy("word")
    .window(TumblingEventTimeWindows.of(150))
    .aggregate({ total: sum("n") })
    .uid("windows")
    .forEach(({ word, windowStart, total: n }) => void found.push(`${word} ${windowStart} ${n}`));
  const job = await env.executeAsync(options);
  if (stopAt !== undefined) {
    await new Promise<void>((resolve) => void host.scheduler.after(stopAt * MS_PER_ROW, resolve));
    await job.stopWithSavepoint("/save");
  }
  await job.result();
  return found.sort();
}

const simulated = <T>(work: (host: Host) => Promise<T>): Promise<T> =>
  new Simulation({ seed: 7, parallelism: 3 }).run(work);

const anyWords = fc.array(fc.nat({ max: WORDS.length - 1 }), { minLength: 20, maxLength: 50, size: "max" });
const anyCase = fc.record({
  words: anyWords,
  stopAt: fc.integer({ min: 2, max: 18 }),
  parallelism: fc.integer({ min: 1, max: 3 }),
});

/** Rows of a state, without the place of elements of lists, whose order the output of the job shows. */
async function rowsOf(savepoint: Savepoint, uid: string, name: string): Promise<string[]> {
  const rows: DataSet = savepoint.state(uid, name);
  const found = await (name.startsWith("list:") ? rows.drop("position") : rows).collect();
  const plain = (_: string, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value instanceof Uint8Array ? [...value] : value;
  return found.map((row) => JSON.stringify(row, plain)).sort();
}

/** Stops a program with a savepoint, lets `change` make another one of it on the real disk, and goes on from that. */
async function changed(
  { words, stopAt, parallelism }: { words: readonly number[]; stopAt: number; parallelism: number },
  change: (savepoint: Savepoint, directory: string) => Promise<void>,
): Promise<{ before: string[]; after: string[] }> {
  return withDirectory(async (directory) => {
    const simulation = new Simulation({ seed: 7, parallelism: 3 });
    const before = await simulation.run((host) => run(host, words, { stopAt }));
    takeOut(simulation.host.files, "/save", join(directory, "old"));
    await change(await Savepoint.open(join(directory, "old")), directory);
    putIn(simulation.host.files, join(directory, "new"), "/new");
    const after = await simulation.run((host) => run(host, words, { restoreFrom: "/new", parallelism }));
    return { before, after };
  });
}

const byteFiles = (path: string): Map<string, Buffer> => {
  const { operators } = JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")) as {
    operators: Record<string, Record<string, { parts: { file: string }[] }>>;
  };
  const found = new Map<string, Buffer>();
  for (const [uid, tables] of Object.entries(operators)) {
    for (const [table, { parts }] of Object.entries(tables)) {
      parts.forEach(({ file }, part) => void found.set(`${uid} ${table} ${part}`, readFileSync(join(path, file))));
    }
  }
  return found;
};

describe("state as datasets", () => {
  it("that is read and written is the same state, and what was not touched the same bytes", () =>
    fc.assert(
      fc.asyncProperty(anyCase, async (program) => {
        const whole = await simulated((host) => run(host, program.words));
        const { before, after } = await changed(program, async (savepoint, directory) => {
          let copy = savepoint;
          const keyed = savepoint.states.filter(({ kind }) => kind === "keyed");
          expect(keyed.map(({ name }) => name)).toEqual(
            expect.arrayContaining(["value:total", "list:seen", "map:by rest", "reducing:most", "panes"]),
          );
          for (const { uid, name } of keyed) copy = copy.withState(uid, name, savepoint.state(uid, name));
          await copy.write(join(directory, "new"));
          const written = await Savepoint.open(join(directory, "new"));
          expect(written.states.map(({ rows, ...rest }) => rest)).toEqual(
            savepoint.states.map(({ rows, ...rest }) => rest),
          );
          for (const { uid, name } of keyed) {
            expect(await rowsOf(written, uid, name)).toEqual(await rowsOf(savepoint, uid, name));
          }
          const [old, now] = [byteFiles(join(directory, "old")), byteFiles(join(directory, "new"))];
          for (const [name, bytes] of old) {
            if (!keyed.some(({ uid, name: table }) => name.startsWith(`${uid} ${table} `))) {
              expect(now.get(name)?.equals(bytes), name).toBe(true);
            }
          }
        });
        expect([...before, ...after].sort()).toEqual(whole);
      }),
      { numRuns: cases(6) },
    ));

  it("that is made of what rows came to is the state of a job that has read them", () =>
    fc.assert(
      fc.asyncProperty(anyCase, async (program) => {
        const whole = await simulated((host) => run(host, program.words));
        const { before, after } = await changed(program, async (savepoint, directory) => {
          const env = ExecutionEnvironment.create({ parallelism: 1 });
          // How many rows the job had read when it stopped, and all that follows from them, without its state.
          const count = await savepoint.state("functions", seen).count();
          const read = env.fromRows(
            program.words.slice(0, count).map((word, n) => ({ word: WORDS[word], n: BigInt(n), position: BigInt(n) })),
            Schema.of({ word: types.utf8, n: types.int64, position: types.int64 }),
          );
          const sums = new Map<
            string | null,
            { times: bigint; last: bigint; most: bigint; rests: Map<number, bigint> }
          >();
          for (const [n, index] of program.words.slice(0, count).entries()) {
            const word = WORDS[index];
            const known = sums.get(word) ?? { times: 0n, last: 0n, most: 0n, rests: new Map<number, bigint>() };
            known.times++;
            known.last = BigInt(n);
            known.most = BigInt(n % 5) > known.most ? BigInt(n % 5) : known.most;
            known.rests.set(n % 3, (known.rests.get(n % 3) ?? 0n) + BigInt(n));
            sums.set(word, known);
          }
          const all = [...sums].map(([word, value]) => ({ word, ...value }));
          const word = { word: types.utf8 };
          const made = (await Savepoint.create({ maxParallelism: 16 }))
            .withState(
              "functions",
              total,
              env.fromRows(all, Schema.of({ ...word, times: types.int64, last: types.int64 })),
            )
            .withState("functions", seen, read.rename({ n: "value" }))
            .withState(
              "functions",
              byRest,
              env.fromRows(
                all.flatMap(({ rests, ...one }) =>
                  [...rests].map(([mapKey, value]) => ({ word: one.word, mapKey, value })),
                ),
                Schema.of({ ...word, mapKey: types.int32, value: types.int64 }),
              ),
            )
            .withState(
              "functions",
              most,
              env.fromRows(all, Schema.of({ ...word, most: types.int64 })).rename({ most: "value" }),
            );
          await made.write(join(directory, "made"));
          const bootstrapped = await Savepoint.open(join(directory, "made"));
          // The rest of the job is that of its own savepoint.
          let joined = savepoint;
          for (const { name } of bootstrapped.states) {
            expect(await rowsOf(bootstrapped, "functions", name)).toEqual(await rowsOf(savepoint, "functions", name));
            joined = joined.withState("functions", name, bootstrapped.state("functions", name));
          }
          await joined.write(join(directory, "new"));
        });
        expect([...before, ...after].sort()).toEqual(whole);
      }),
      { numRuns: cases(6) },
    ));

  it("of which one key is changed has the others as they were", () =>
    fc.assert(
      fc.asyncProperty(anyCase, fc.nat(), async (program, choice) => {
        await changed(program, async (savepoint, directory) => {
          const rows = savepoint.state("functions", "most");
          const words = (await rows.select("word" as never).collect()) as { word: string | null }[];
          const { word } = words[choice % words.length];
          const isChosen = word === null ? col("word").isNull() : col("word").eq(word);
          const other = rows.withColumns({ value: when(isChosen).then(lit(77n)).otherwise(col("value")) } as never);
          await savepoint.withState("functions", most, other).write(join(directory, "new"));
          const written = await Savepoint.open(join(directory, "new"));
          const now = (await written.state("functions", most).collect()) as { word: string | null; value: bigint }[];
          const before = (await rows.collect()) as { word: string | null; value: bigint }[];
          const values = (all: typeof now) => new Map(all.map((each) => [each.word, each.value]));
          expect(values(now)).toEqual(values(before).set(word, 77n));
          const [old, bytes] = [byteFiles(join(directory, "old")), byteFiles(join(directory, "new"))];
          const differing = [...new Set([...old.keys(), ...bytes.keys()])].filter(
            (name) => !old.get(name)?.equals(bytes.get(name) ?? Buffer.alloc(0)),
          );
          expect(differing.filter((name) => !name.startsWith("functions reducing:most "))).toEqual([]);
        });
      }),
      { numRuns: cases(6) },
    ));
});
