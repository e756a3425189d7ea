import type { Host } from "../../src/core/host.ts";
import {
  col,
  count,
  desc,
  EventTimeSessionWindows,
  type ExecuteOptions,
  listState,
  mapState,
  reducingState,
  Schema,
  StreamExecutionEnvironment,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../src/index.ts";

/*
 * The program whose savepoints are kept in test/fixtures/savepoints. It is not to change: a savepoint that was taken of it
 * by an old version has to go on with it in every later one.
 */

const ROWS = 60;
const MS_PER_ROW = 10;
const WORDS = ["tea", "rice", null, "größe", "milk"];

const input = Schema.of({ n: types.int64, word: types.utf8, price: types.decimal(12, 2), t: types.int64 });
const text = Schema.of({ text: types.utf8 });
const held = valueState("held", types.struct({ n: types.int64, day: types.date, price: types.decimal(12, 2) }));
const seen = listState("seen", types.int64, { ttl: { ttlMs: 300, timeDomain: "event" } });
const byRest = mapState("by rest", types.int32, types.float64);
const most = reducingState("most", types.int64, (a, b) => ((a * 7n) % 13n > (b * 7n) % 13n ? a : b));

/** Runs it on a simulated host to its end, or to a savepoint behind so many rows; gives the rows that come out. */
export async function runGoldenProgram(
  host: Host,
  { stopAt, ...options }: ExecuteOptions & { readonly stopAt?: number } = {},
): Promise<string[]> {
  const env = StreamExecutionEnvironment.create({
    host,
    parallelism: 2,
    maxParallelism: 8,
    batchRows: 4,
    bufferTimeoutMs: 1,
  });
  const found: string[] = [];
  const take = (step: string) => (row: object) => {
    const plain = (row as { toObject?: () => object }).toObject?.() ?? { ...row };
    found.push(`${step} ${JSON.stringify(plain, (_, value) => (typeof value === "bigint" ? `${value}n` : value))}`);
  };
  const rows = env
    .fromGenerator(
      (n) => ({ n, word: WORDS[(n * n) % WORDS.length], price: `${n}.5`, t: n * MS_PER_ROW }),
      { schema: input, count: ROWS, rowsPerSecond: 1000 / MS_PER_ROW },
      WatermarkStrategy.boundedOutOfOrderness<{ t: typeof types.int64 }>(20).withTimestamps("t") as never,
    )
    .uid("rows");
  rows
    .keyBy("word")
    .process(
      {
        processElement({ n, word, price }, { state, timers }, out) {
          const value = n ?? 0n;
          state(seen).add(value);
          state(byRest).set(Number(value % 4n), Number(value) / 8);
          state(most).add(value);
          const parts = [state(held).get(), state(seen).get(), [...state(byRest).entries()].sort(), state(most).get()];
          state(held).set({ n: value, day: Number(value) * 100, price });
          timers.registerEventTime(Number(value) * MS_PER_ROW + 95);
          out.collect({
            text: JSON.stringify([word, parts], (_, part) => (typeof part === "bigint" ? `${part}` : part)),
          });
        },
        onTimer: (timeMs, { state }, out) => out.collect({ text: `${timeMs} ${state(held).get()?.n}` }),
      },
      { schema: text },
    )
    .uid("functions")
    .forEach(take("functions"));
  rows
    .keyBy("word")
    .window(TumblingEventTimeWindows.of(250))
    .aggregate({ total: sum("n"), paid: sum("price"), rows: count() })
    .uid("windows")
    .forEach(take("windows"));
  rows
    .keyBy("word")
    .window(EventTimeSessionWindows.withGap(35))
    .aggregate({ total: sum("n") })
    .uid("sessions")
    .forEach(take("sessions"));
  const few = rows.filter(col("n").mod(3).eq(0)).uid("few");
  few
    .keyBy("word")
    .join(rows.select("n", "word").filter(col("n").mod(7).eq(0)).uid("others").keyBy("word"))
    .updating()
    .uid("joined")
    .toChangelog()
    .forEach(take("joined"));
  few.keyBy("word").topN(2, desc("n")).uid("best").toChangelog().forEach(take("best"));
  const job = await env.executeAsync(options);
  if (stopAt !== undefined) {
    await new Promise<void>((resolve) => void host.scheduler.after(stopAt * MS_PER_ROW, resolve));
    await job.stopWithSavepoint("/save");
  }
  await job.result();
  return found;
}
