/** Parquet scans in nodejs-polars, one thread, with projection pushed into the reader. */
import { type Scan, scanNamed, scans } from "../cases/parquet-scans.ts";
import type { Session } from "../harness/suite.ts";
import { loadPolars, PolarsSession } from "./polars.ts";

/** Columns stored as int32; the single column of the int32 files is another one. */
const wholeNumbers = new Set(["l_linenumber"]);

export async function scanPolars(): Promise<Session> {
  const pl = await loadPolars(1);
  const paths = new Map<Scan, string>();
  for (const scan of scans) paths.set(scan, await scan.file());
  const query = (name: string) => () => {
    const scan = scanNamed(name);
    const sums = Object.entries(scan.columns).map(([column, reduction]) => {
      const value = pl.col(column);
      // Wide before adding: Polars adds int32 in int32, and loses the length expression without a cast.
      if (reduction === "text") return value.str.lengths().cast(pl.Int64).sum().as(column);
      if (reduction === "date") return value.cast(pl.Int32).cast(pl.Int64).sum().as(column);
      return (wholeNumbers.has(column) || name.startsWith("int32") ? value.cast(pl.Int64) : value).sum().as(column);
    });
    return pl
      .scanParquet(paths.get(scan) ?? "")
      .select(...sums)
      .collectSync();
  };
  return new PolarsSession(Object.fromEntries(scans.map(({ name }) => [name, query(name)])));
}
