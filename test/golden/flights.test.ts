import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import {
  avg,
  col,
  count,
  countDistinct,
  type DataSet,
  desc,
  ExecutionEnvironment,
  max,
  median,
  min,
  stddev,
  sum,
  types,
} from "../../src/index.ts";
import { duckdb } from "../support/duckdb.ts";

const path = fileURLToPath(new URL("../../node_modules/vega-datasets/data/flights-3m.parquet", import.meta.url));

afterAll(() => ExecutionEnvironment.shutdown());

/** Results agree where floats agree to nine digits. */
function expectSame(actual: readonly object[], expected: readonly object[]): void {
  const rounded = (rows: readonly object[]) =>
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          name,
          typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value,
        ]),
      ),
    );
  expect(rounded(actual)).toEqual(rounded(expected));
}

const schema = types.struct({
  date: types.timestamp("ns"),
  delay: types.int64,
  distance: types.int64,
  origin: types.utf8,
  destination: types.utf8,
});

describe.each([1, 2])("three million flights on %i threads", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism });
  const flights = env.readParquet(path) as DataSet<(typeof schema)["fields"]>;

  it("gives delay statistics by origin", async () => {
    const rows = await flights
      .groupBy("origin")
      .aggregate({
        flights: count(),
        mean: avg("delay"),
        deviation: stddev("delay"),
        middle: median("delay"),
        worst: max("delay"),
        best: min("delay"),
        miles: sum("distance"),
        places: countDistinct("destination"),
      })
      .orderBy("origin")
      .collect();
    expectSame(
      rows,
      await duckdb(`select origin, count(*) flights, avg(delay) mean, stddev(delay) deviation, median(delay) middle,
        max(delay) worst, min(delay) best, sum(distance)::bigint miles, count(distinct destination) places
        from '${path}' group by origin order by origin`),
    );
  });

  it("gives the late share by month", async () => {
    const rows = await flights
      .groupBy({ month: col("date").month() })
      .aggregate({ flights: count(), late: avg(col("delay").gt(15).cast(types.float64)) })
      .orderBy("month")
      .collect();
    expectSame(
      rows,
      await duckdb(`select month(date)::int as month, count(*) flights, avg((delay > 15)::int::double) late
        from '${path}' group by all order by month`),
    );
  });

  it("gives the busiest routes of one day", async () => {
    const rows = await flights
      .filter(col("date").cast(types.date).eq("2001-03-04").and(col("delay").isNotNull()))
      .groupBy("origin", "destination")
      .aggregate({ flights: count(), worst: max("delay") })
      .orderBy(desc("flights"), "origin", "destination")
      .first(25)
      .collect();
    expectSame(
      rows,
      await duckdb(`select origin, destination, count(*) flights, max(delay) worst from '${path}'
        where date::date = '2001-03-04' group by all order by flights desc, origin, destination limit 25`),
    );
  });

  it("joins flights with their airport's mean", async () => {
    const means = flights.groupBy("origin").aggregate({ mean: avg("delay") });
    const rows = await flights
      .join(means)
      .where("origin")
      .equalTo("origin")
      .filter(col("delay").gt(col("mean").add(1000)))
      .select("origin", "destination", "delay", "mean")
      .orderBy(desc("delay"), "origin", "destination")
      .collect();
    expectSame(
      rows,
      await duckdb(`with means as (select origin, avg(delay) mean from '${path}' group by origin)
        select f.origin, destination, delay, mean from '${path}' f join means m on f.origin = m.origin
        where delay > mean + 1000 order by delay desc, f.origin, destination`),
    );
  });

  it("sorts all rows", async () => {
    const table = await flights
      .select("delay", "distance", "origin")
      .orderBy(desc("distance"), "delay", "origin")
      .collectArrow();
    expect(table.numRows).toBe(3_000_000);
    const [first] = await duckdb(
      `select delay, distance, origin from '${path}' order by distance desc, delay, origin limit 1`,
    );
    expect(table.get(0)?.toJSON()).toEqual(first);
    let last = Number.POSITIVE_INFINITY;
    for (const value of table.getChild("distance") ?? []) {
      if (Number(value) > last) throw new Error("distances must not rise");
      last = Number(value);
    }
  });
});
