/** The flight questions in Millrace, from Parquet. */
import { asc, avg, col, count, desc, max, stddev, when } from "../../dist/index.js";
import { flightsFile } from "../cases/flights.ts";
import type { Session } from "../harness/suite.ts";
import { MillraceSession, millraceEnvironment } from "./millrace.ts";

export const flightsMillrace = (threads: number) => async (): Promise<Session> => {
  const env = millraceEnvironment(threads);
  const flights = () => env.readParquet(flightsFile);
  return new MillraceSession(
    {
      "origin-month": () =>
        flights()
          .withColumns({ month: col("date").month() })
          .groupBy("origin", "month")
          .aggregate({
            flights: count(),
            mean_delay: avg("delay"),
            sd_delay: stddev("delay"),
            max_delay: max("delay"),
          })
          .orderBy("origin", "month"),
      routes: () =>
        flights()
          .groupBy("origin", "destination")
          .aggregate({ flights: count(), distance: avg("distance") })
          .orderBy(desc("flights"), asc("origin"), asc("destination"))
          .first(20),
      "top-delays": () =>
        flights()
          .select("delay", "date", "origin", "destination")
          .orderBy(desc("delay"), asc("date"), asc("origin"), asc("destination"))
          .first(10),
      "late-share": () =>
        flights()
          .filter(col("distance").ge(500))
          .groupBy("origin")
          .aggregate({ flights: count(), late_share: avg(when(col("delay").gt(15)).then(1).otherwise(0)) })
          .filter(col("flights").ge(1000))
          .orderBy(desc("late_share")),
    },
    { holding: "arrow" },
  );
};
