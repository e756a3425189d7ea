/** The db-benchmark joins in Millrace, over persisted datasets. */
import { joinTables } from "../data/join-tables.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { MillraceSession, millraceEnvironment } from "./millrace.ts";

export const joinMillrace =
  (threads: number) =>
  async ({ rows }: BenchOptions): Promise<Session> => {
    const env = millraceEnvironment(threads);
    const paths = await joinTables(rows);
    const x = await env.readParquet(paths.left).persist();
    const small = await env.readParquet(paths.small).persist();
    const medium = await env.readParquet(paths.medium).persist();
    const big = await env.readParquet(paths.big).persist();
    return new MillraceSession(
      {
        "q1-small-inner": () => x.join(small).on("id1"),
        "q2-medium-inner": () => x.join(medium).on("id2"),
        "q3-medium-outer": () => x.leftOuterJoin(medium).on("id2"),
        "q4-medium-text": () => x.join(medium).on("id5"),
        "q5-big-inner": () => x.join(big).on("id3"),
      },
      { holding: "engine", tables: [x, small, medium, big] },
    );
  };
