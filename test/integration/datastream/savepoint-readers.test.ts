import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tableFromIPC } from "apache-arrow";
import { beforeAll, describe, expect, it } from "vitest";
import { savepointCommand } from "../../../src/cli/savepoint-command.ts";
import {
  listState,
  mapState,
  Schema,
  StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { duckdbOverArrow } from "../../support/duckdb-arrow.ts";
import { testDirectory } from "../../support/temporary-directory.ts";

const directory = testDirectory();
const path = join(directory.path, "save");
const readWithDuckdb = duckdbOverArrow();

const WORDS = ["tea", "", null, "größe", "a\u0000b", "\u{1f980}", "x".repeat(3_000)];
const held = valueState(
  "held",
  types.struct({
    whole: types.int64,
    small: types.uint8,
    real: types.float64,
    text: types.utf8,
    yes: types.bool,
    day: types.date,
    at: types.timestamp("ms"),
    price: types.decimal(12, 2),
  }),
);
const seen = listState("seen", types.int64);
const byDay = mapState("by day", types.date, types.float64);
const input = Schema.of({ n: types.int64, word: types.utf8, half: types.bool, t: types.int64 });

interface Held {
  readonly whole: bigint;
  readonly small: number;
  readonly real: number;
  readonly text: string | null;
  readonly yes: boolean;
  readonly day: number;
  readonly at: number;
  readonly price: string;
}

/** What the functions of the job have put into their state, by key. */
const knownHeld = new Map<string, Held>();
const knownSeen = new Map<string, string[]>();
const knownByDay = new Map<string, Map<number, number>>();

const keyOf = (word: unknown, half: unknown): string => JSON.stringify([word, half]);

beforeAll(async () => {
  const env = StreamExecutionEnvironment.create();
  const words = env
    .fromGenerator(
      (n) => ({ n, word: WORDS[n % WORDS.length], half: n % 3 === 0 ? null : n % 3 === 1, t: n * 10 }),
      { schema: input, rowsPerSecond: 2_000 },
      WatermarkStrategy.monotonous<{ t: typeof types.int64 }>().withTimestamps("t") as never,
    )
    .uid("words");
  words
    .keyBy("word", "half")
    .process(
      {
        processElement({ n, word, half }, { state }, out) {
          const i = Number(n);
          const value = {
            whole: (n ?? 0n) * -(10n ** 15n),
            small: i % 256,
            real: i % 5 === 0 ? -0.5 : i / 7,
            text: i % 4 === 0 ? null : `${word}`.slice(0, 9),
            yes: i % 2 === 0,
            day: i - 500,
            at: i * 86_399_999,
            price: `${i}.25`,
          };
          state(held).set(value);
          state(seen).add(n);
          state(byDay).set(i % 3, i / 4);
          const key = keyOf(word, half);
          knownHeld.set(key, value);
          knownSeen.set(key, [...(knownSeen.get(key) ?? []), String(n)]);
          knownByDay.set(key, (knownByDay.get(key) ?? new Map()).set(i % 3, i / 4));
          out.collect({ n });
        },
      },
      { schema: Schema.of({ n: types.int64 }) },
    )
    .uid("functions")
    .blackhole();
  words
    .keyBy("half")
    .window(TumblingEventTimeWindows.of(1_000_000_000))
    .aggregate({ total: sum("n") })
    .uid("windows")
    .blackhole();
  const job = await env.executeAsync();
  const isEnough = () => [...knownSeen.values()].reduce((sum, { length }) => sum + length, 0) > 300;
  while (job.status !== "FAILED" && !isEnough()) await sleep(10);
  await job.stopWithSavepoint(path);
}, 60_000);

/** Paths of the files of a table, as its manifest names them. */
function filesOf(uid: string, table: string): string[] {
  const { operators } = JSON.parse(readFileSync(join(path, "manifest.json"), "utf8"));
  return operators[uid][table].parts.map(({ file }: { file: string }) => join(path, file));
}

async function queried(uid: string, table: string): Promise<Record<string, unknown>[]> {
  const said: string[] = [];
  const context = { print: (line: string) => said.push(line), printError: (line: string) => said.push(line) };
  expect(await savepointCommand(["query", path, uid, table], context), said.join("\n")).toBe(0);
  return said.map((line) => JSON.parse(line));
}

const sorted = (rows: readonly unknown[]): string[] =>
  rows
    .map((row) => JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)))
    .sort();

/** Rows of a keyed table as [key, value]s, which must be those that the job knew. */
const expected = {
  held: () => sorted([...knownHeld].map(([key, value]) => [key, ...Object.values(value)])),
  seen: () => sorted([...knownSeen].flatMap(([key, values]) => values.map((value) => [key, value]))),
  byDay: () => sorted([...knownByDay].flatMap(([key, days]) => [...days].map(([day, value]) => [key, day, value]))),
};

describe("files of a savepoint", () => {
  it("are read by apache-arrow, and say what the job knew", () => {
    const rowsOf = (table: string) =>
      filesOf("functions", table).flatMap((file) => {
        const read = tableFromIPC(readFileSync(file));
        expect(read.schema.fields[0].name).toBe("keyGroup");
        return read.toArray().map((row) => row.toJSON() as Record<string, unknown>);
      });
    const key = (row: Record<string, unknown>) => keyOf(row["key.word"], row["key.half"]);
    const MS_PER_DAY = 86_400_000;
    const value = (row: Record<string, unknown>) => {
      const { day, price, ...rest } = (row.value as { toJSON(): Record<string, unknown> }).toJSON();
      // A decimal is its unscaled 128 bits.
      const [low] = price as Uint32Array;
      const { whole, small, real, text, yes, at } = rest;
      return [whole, small, real, text, yes, Number(day) / MS_PER_DAY, at, `${Math.floor(low / 100)}.${low % 100}`];
    };
    expect(knownHeld.size).toBe(WORDS.length * 3);
    expect(sorted(rowsOf("value:held").map((row) => [key(row), ...value(row)]))).toEqual(expected.held());
    expect(sorted(rowsOf("list:seen").map((row) => [key(row), row.value]))).toEqual(expected.seen());
    const days = rowsOf("map:by day").map((row) => [key(row), Number(row.mapKey) / MS_PER_DAY, row.value]);
    expect(sorted(days)).toEqual(expected.byDay());
  });

  it("are shown by `millrace savepoint query` as what the job knew", async () => {
    const key = (row: Record<string, unknown>) => keyOf(row["key.word"], row["key.half"]);
    const helds = await queried("functions", "value:held");
    expect(sorted(helds.map((row) => [key(row), ...Object.values(row.value as object)]))).toEqual(expected.held());
    expect(sorted((await queried("functions", "list:seen")).map((row) => [key(row), row.value]))).toEqual(
      expected.seen(),
    );
    const days = (await queried("functions", "map:by day")).map((row) => [key(row), row.mapKey, row.value]);
    expect(sorted(days)).toEqual(expected.byDay());
  });

  it.skipIf(readWithDuckdb === undefined)("are read by DuckDB, over tables of pyarrow, as what the job knew", () => {
    const key = '"key.word", "key.half"';
    const at = "date_diff('day', DATE '1970-01-01', ";
    const value = `value.whole::VARCHAR, value.small, value.real, value.text, value.yes, ${at}value.day),
      epoch_ms(value.at), value.price::VARCHAR`;
    const [helds, seens, days, groups, windows] = (readWithDuckdb as NonNullable<typeof readWithDuckdb>)([
      { files: filesOf("functions", "value:held"), sql: `SELECT ${key}, ${value} FROM rows` },
      { files: filesOf("functions", "list:seen"), sql: `SELECT ${key}, value::VARCHAR FROM rows` },
      { files: filesOf("functions", "map:by day"), sql: `SELECT ${key}, ${at}"mapKey"), value FROM rows` },
      {
        files: filesOf("functions", "value:held"),
        sql: 'SELECT count(*), min("keyGroup") >= 0, max("keyGroup") < 128 FROM rows',
      },
      { files: filesOf("windows", "panes"), sql: "SELECT count(*) FROM rows" },
    ]);
    const keyed = (rows: unknown[][]) => sorted(rows.map(([word, half, ...rest]) => [keyOf(word, half), ...rest]));
    expect(keyed(helds)).toEqual(expected.held());
    expect(keyed(seens)).toEqual(expected.seen());
    expect(keyed(days)).toEqual(expected.byDay());
    expect(groups).toEqual([[WORDS.length * 3, true, true]]);
    expect(windows).toEqual([[3]]);
  });
});
