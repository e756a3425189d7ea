/** The db-benchmark joins in nodejs-polars. */
import { joinTables } from "../data/join-tables.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { loadPolars, PolarsSession } from "./polars.ts";

export async function joinPolars({ rows }: BenchOptions): Promise<Session> {
  const pl = await loadPolars(1);
  const paths = await joinTables(rows);
  const [x, small, medium, big] = [
    pl.readParquet(paths.left),
    pl.readParquet(paths.small),
    pl.readParquet(paths.medium),
    pl.readParquet(paths.big),
  ];
  const options = (on: string, how: "inner" | "left" = "inner") => ({ on, how, suffix: "_right" });
  return new PolarsSession({
    "q1-small-inner": () => x.join(small, options("id1")),
    "q2-medium-inner": () => x.join(medium, options("id2")),
    "q3-medium-outer": () => x.join(medium, options("id2", "left")),
    "q4-medium-text": () => x.join(medium, options("id5")),
    "q5-big-inner": () => x.join(big, options("id3")),
  });
}
