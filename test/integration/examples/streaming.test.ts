import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ExecutionEnvironment, StreamExecutionEnvironment, WatermarkStrategy } from "millrace";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clickThroughRates, webLog, webLogStreams } from "../../../examples/streaming/click-through-rate.ts";
import { withReports } from "../../../examples/streaming/flights.ts";
import { hourlyDelays } from "../../../examples/streaming/hourly-delays.ts";
import { features, learn, predictions } from "../../../examples/streaming/model-features.ts";
import { costs, shop, shopStreams } from "../../../examples/streaming/price-updates.ts";
import { routeSessions } from "../../../examples/streaming/route-sessions.ts";
import { wordCounts } from "../../../examples/streaming/socket-word-count.ts";
import { orderEvent, orderEvents, unpaidOrders } from "../../../examples/streaming/unpaid-orders.ts";
import { duckdb } from "../../support/duckdb.ts";

// The examples run with the built package, as those of a reader do.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const collect = async <T>(stream: { executeAndCollect(): AsyncIterable<T> }): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of stream.executeAndCollect()) all.push(row);
  return all;
};

/** Rows as text, sorted, with floats to nine digits. */
const lines = (rows: readonly object[]): string[] =>
  rows
    .map((row) =>
      Object.values(row)
        .map((value: unknown) => {
          if (value instanceof Date) return value.getTime();
          if (typeof value === "number" && !Number.isInteger(value)) return Number(value.toPrecision(9));
          return String(value);
        })
        .join(" "),
    )
    .sort();

describe("flights as a stream", () => {
  let finish: () => void = () => undefined;
  let finished: Promise<unknown> = Promise.resolve();
  let reports = "";

  beforeAll(
    () =>
      new Promise<void>((resolve, reject) => {
        finished = withReports(5, async (path) => {
          reports = path;
          resolve();
          await new Promise<void>((done) => {
            finish = done;
          });
        });
        finished.catch(reject);
      }),
  );

  afterAll(async () => {
    finish();
    await finished;
    await ExecutionEnvironment.shutdown();
  });

  const hourly = () =>
    duckdb(`select origin, epoch_ms(date_trunc('hour', date)) as start, epoch_ms(date_trunc('hour', date)) + ${HOUR_MS},
      count(*), avg(delay), max(delay) from '${reports}' group by 1, 2`);

  it.each([1, 2])("gives the hourly delays that DuckDB gives, at parallelism %d", async (parallelism) => {
    const env = StreamExecutionEnvironment.create({ parallelism });
    const { hours } = hourlyDelays(env, reports, 3 * DAY_MS);
    expect(lines(await collect(hours))).toEqual(lines(await hourly()));
  });

  it("loses no report: what comes too late is in the side output", async () => {
    const env = StreamExecutionEnvironment.create({ batchRows: 256 });
    const { hours, late } = hourlyDelays(env, reports, 2 * HOUR_MS);
    const counted = { departures: 0n, late: 0n };
    hours.forEach(({ departures }) => {
      counted.departures += departures ?? 0n;
    });
    late.forEach(() => {
      counted.late++;
    });
    await env.execute();
    const [{ all }] = (await duckdb(`select count(*) as all from '${reports}'`)) as { all: bigint }[];
    expect(counted.late).toBeGreaterThan(0n);
    expect(counted.late).toBeLessThan(all / 20n);
    expect(counted.departures + counted.late).toBe(all);
  });

  it("gives the sessions of routes that DuckDB gives", async () => {
    const env = StreamExecutionEnvironment.create({ parallelism: 2 });
    const gap = 2 * HOUR_MS;
    const expected = await duckdb(`
      with ordered as (
        select *, epoch_ms(date) as t, lag(epoch_ms(date)) over route as before from '${reports}' where origin = 'SFO'
        window route as (partition by destination order by date)),
      numbered as (
        select *, sum(case when before is null or t - before >= ${gap} then 1 else 0 end)
          over (partition by destination order by t) as session from ordered)
      select origin, destination, min(t), max(t) + ${gap}, count(*), avg(delay)
      from numbered group by origin, destination, session`);
    expect(expected.length).toBeGreaterThan(100);
    expect(lines(await collect(routeSessions(env, reports, "SFO")))).toEqual(lines(expected));
  });

  it("gives a model the features that DuckDB gives, and predictions that can be computed again", async () => {
    const expected = (await duckdb(`
      with windows as (
        select origin, delay, unnest(generate_series(
          (epoch_ms(date) // 1800000) * 1800000 - 9000000, (epoch_ms(date) // 1800000) * 1800000, 1800000)) as start
        from '${reports}')
      select origin, start, start + 10800000 as until, count(*) as departures, avg(delay) as mean,
        avg((delay > 15)::double) as late
      from windows group by origin, start order by origin, start`)) as Record<string, string | bigint | number>[];
    const env = () => StreamExecutionEnvironment.create({ parallelism: 2 });
    expect(lines(await collect(features(env(), reports)))).toEqual(lines(expected));

    const models = new Map<unknown, { weights: number[]; last: number[] }>();
    const again: object[] = [];
    for (const { origin, until, departures, mean, late } of expected) {
      const model = models.get(origin);
      const next = [1, Math.log1p(Number(departures)) / 5, Number(mean) / 60, Number(late)];
      if (model === undefined) models.set(origin, { weights: [0, 0, 0, 0], last: next });
      else {
        const predicted = model.weights.reduce((total, weight, i) => total + weight * model.last[i], 0) * 60;
        again.push({ origin, until, predicted, actual: mean });
        models.set(origin, { weights: learn(model.weights, model.last, Number(mean) / 60), last: next });
      }
    }
    const found = await collect(predictions(features(env(), reports)));
    const short = (rows: readonly object[]) =>
      lines(
        rows.map((row) => {
          const { origin, until, predicted, actual } = row as Record<string, unknown>;
          return { origin, until, predicted: Number(predicted).toFixed(5), actual: Number(actual).toFixed(5) };
        }),
      );
    expect(short(found)).toEqual(short(again));
  });
});

describe("other examples of streams", () => {
  it.each([1, 2])(
    "alerts for exactly the orders that were not paid in time, at parallelism %d",
    async (parallelism) => {
      const events = orderEvents(500);
      const paidAt = new Map(events.filter(({ kind }) => kind === "payment").map((e) => [e.orderId, e.time.getTime()]));
      const expected = events
        .filter(({ kind, orderId, time }) => {
          const paid = paidAt.get(orderId);
          return kind === "order" && (paid === undefined || paid > time.getTime() + 900_000);
        })
        .map(({ orderId, time }) => ({ orderId, since: time }));
      // Payments overtake their orders, by less than the bound.
      const shuffled = events
        .map((event, i) => ({ event, at: event.time.getTime() + ((i * 7919) % 60) * 1000 }))
        .sort((a, b) => a.at - b.at)
        .map(({ event }) => event);
      const env = StreamExecutionEnvironment.create({ parallelism, batchRows: 50 });
      const strategy =
        WatermarkStrategy.boundedOutOfOrderness<typeof orderEvent.$fields>(60_000).withTimestamps("time");
      const alerts = await collect(unpaidOrders(env.fromCollection(shuffled, orderEvent, strategy)));
      expect(expected.length).toBeGreaterThan(50);
      expect(lines(alerts)).toEqual(lines(expected));
    },
  );

  it.each([1, 2])("gives the click-through rates of a naive count, at parallelism %d", async (parallelism) => {
    const { shown, clicked } = webLog(20_000);
    const hourOf = (time: Date) => Math.floor(time.getTime() / HOUR_MS) * HOUR_MS;
    const counts = new Map<string, { ad: string; hour: number; impressions: number; clicks: number }>();
    const count = (ad: string, hour: number, what: "impressions" | "clicks") => {
      const entry = counts.get(`${ad} ${hour}`) ?? { ad, hour, impressions: 0, clicks: 0 };
      entry[what]++;
      counts.set(`${ad} ${hour}`, entry);
    };
    for (const { ad, shownAt } of shown) count(ad, hourOf(shownAt), "impressions");
    for (const { impressionId, clickedAt } of clicked) {
      const { ad, shownAt } = shown[Number(impressionId)];
      if (clickedAt.getTime() - shownAt.getTime() <= 600_000) count(ad, hourOf(clickedAt), "clicks");
    }
    const expected = [...counts.values()]
      .filter(({ impressions }) => impressions > 0)
      .map((entry) => ({ ...entry, rate: entry.clicks / entry.impressions }));
    const env = StreamExecutionEnvironment.create({ parallelism });
    const { impressions, clicks } = webLogStreams(env, 20_000);
    expect(lines(await collect(clickThroughRates(impressions, clicks)))).toEqual(lines(expected));
  });

  it.each([1, 2])(
    "gives orders the prices that DuckDB's ASOF join gives them, at parallelism %d",
    async (parallelism) => {
      const { orders, prices } = shop(3_000);
      // Rows come late, by less than the bound.
      const late = <T>(rows: readonly T[], timeOf: (row: T) => Date): T[] =>
        rows
          .map((row, i) => ({ row, atMs: timeOf(row).getTime() + ((i * 7919) % 60) * 1000 }))
          .sort((a, b) => a.atMs - b.atMs)
          .map(({ row }) => row);
      const env = StreamExecutionEnvironment.create({ parallelism, batchRows: 50 });
      const streams = shopStreams(env, {
        orders: late(orders, ({ placedAt }) => placedAt),
        prices: late(prices, ({ validFrom }) => validFrom),
      });
      const values = (rows: readonly (readonly (string | bigint | number)[])[]) =>
        rows.map((row) => `(${row.map((each) => (typeof each === "string" ? `'${each}'` : each)).join()})`).join();
      const expected = await duckdb(`
      with orders(id, product, quantity, placed) as
        (values ${values(orders.map((each) => [each.orderId, each.product, each.quantity, each.placedAt.getTime()]))}),
      prices(product, cents, since) as
        (values ${values(prices.map((each) => [each.product, each.cents, each.validFrom.getTime()]))})
      select id, orders.product, cents, quantity * cents
      from orders asof left join prices on orders.product = prices.product and placed >= since`);
      expect(expected.filter(({ cents }) => cents === null).length).toBeGreaterThan(50);
      expect(lines(await collect(costs(streams.orders, streams.prices)))).toEqual(lines(expected));
    },
  );

  it("counts the words that a server sends, each in one window", async () => {
    const texts = ["to be or not to be", "", "  that is the question  ", "to be"];
    const server = createServer((connection) => {
      connection.write(`${texts.slice(0, 2).join("\n")}\n${texts[2].slice(0, 5)}`);
      setTimeout(() => connection.end(`${texts[2].slice(5)}\r\n${texts[3]}`), 30);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const env = StreamExecutionEnvironment.create();
      const socket = env.socketTextStream("127.0.0.1", (server.address() as AddressInfo).port);
      // Where windows begin is the clock's business: the counts of a word are added up.
      const found = new Map<string, number>();
      for (const { word, count, windowStart, windowEnd } of await collect(wordCounts(socket, 5_000))) {
        expect(Number(windowEnd) - Number(windowStart)).toBe(5_000);
        found.set(word ?? "", (found.get(word ?? "") ?? 0) + Number(count));
      }
      expect(Object.fromEntries(found)).toEqual({ to: 3, be: 3, or: 1, not: 1, that: 1, is: 1, the: 1, question: 1 });
    } finally {
      server.close();
    }
  });
});
