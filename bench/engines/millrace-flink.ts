/** The questions put to Flink, in Millrace, from the same files. */
import { avg, count, type DataSet, max, sum } from "../../dist/index.js";
import { flinkFiles } from "../cases/flink.ts";
import type { BenchOptions, Session } from "../harness/suite.ts";
import { MillraceSession, millraceEnvironment } from "./millrace.ts";
import { q01 } from "./millrace-tpch/q01.ts";
import { q03 } from "./millrace-tpch/q03.ts";
import { q06 } from "./millrace-tpch/q06.ts";
import type { TpchSources } from "./millrace-tpch/tables.ts";

export const flinkMillrace =
  (threads: number) =>
  async ({ rows }: BenchOptions): Promise<Session> => {
    const env = millraceEnvironment(threads);
    const files = await flinkFiles(rows);
    const open = (name: string): DataSet => env.readParquet(files[name] ?? "");
    const tables = { customer: () => open("customer"), orders: () => open("orders"), lineitem: () => open("lineitem") };
    const tpch = tables as unknown as TpchSources;
    const counted = { n: count(), v1: sum("v1") };
    const joined = { n: count(), v1: sum("v1"), v2: sum("v2") };
    return new MillraceSession(
      {
        "job-start": () => env.fromRows([{ a: 1 }]).aggregate({ n: count() }),
        "group-by-q1": () =>
          open("x")
            .groupBy("id1")
            .aggregate({ v1: sum("v1") }),
        "group-by-q2": () =>
          open("x")
            .groupBy("id1", "id2")
            .aggregate({ v1: sum("v1") }),
        "group-by-q3": () =>
          open("x")
            .groupBy("id3")
            .aggregate({ v1: sum("v1"), v3: avg("v3") })
            .aggregate(counted),
        "group-by-q4": () =>
          open("x")
            .groupBy("id4")
            .aggregate({ v1: avg("v1"), v2: avg("v2"), v3: avg("v3") }),
        "group-by-q5": () =>
          open("x")
            .groupBy("id6")
            .aggregate({ v1: sum("v1"), v2: sum("v2"), v3: sum("v3") })
            .aggregate(counted),
        "group-by-q10": () =>
          open("x")
            .groupBy("id1", "id2", "id3", "id4", "id5", "id6")
            .aggregate({ v3: sum("v3"), c: count() })
            .aggregate({ n: count(), v3: sum("v3"), c: max("c") }),
        "join-q1": () => open("l").join(open("small")).on("id1").aggregate(joined),
        "join-q2": () => open("l").join(open("medium")).on("id2").aggregate(joined),
        "join-q3": () => open("l").leftOuterJoin(open("medium")).on("id2").aggregate(joined),
        "tpch-q01": () => q01(tpch),
        "tpch-q03": () => q03(tpch),
        "tpch-q06": () => q06(tpch),
      },
      { holding: "arrow" },
    );
  };
