/** Parquet scans in Millrace: every column decoded and added up. */
import { col, lit, sum, types } from "../../dist/index.js";
import { type Reduction, type Scan, scans } from "../cases/parquet-scans.ts";
import type { Session } from "../harness/suite.ts";
import { MillraceSession, millraceEnvironment } from "./millrace.ts";

export const scanMillrace = (threads: number) => async (): Promise<Session> => {
  const env = millraceEnvironment(threads);
  const paths = new Map<Scan, string>();
  for (const scan of scans) paths.set(scan, await scan.file());
  const query = (scan: Scan) => () => {
    const sums = Object.entries(scan.columns).map(([name, reduction]) => [name, sum(reduced(name, reduction))]);
    return env.readParquet(paths.get(scan) ?? "").aggregate(Object.fromEntries(sums));
  };
  return new MillraceSession(Object.fromEntries(scans.map((scan) => [scan.name, query(scan)])), { holding: "arrow" });
};

/** A date as its days since 1970, a text as its length in bytes. */
function reduced(name: string, reduction: Reduction) {
  if (reduction === "text") return col(name).byteLength();
  return reduction === "date" ? col(name).dateDiff(lit("1970-01-01", types.date), "day") : col(name);
}
