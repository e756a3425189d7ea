/** Writing Parquet with Millrace, from a persisted dataset to one file. */
import { rowGroupRows } from "../data/duckdb.ts";
import { lineitemLike, writtenRows } from "../data/lineitem-like.ts";
import { millraceEnvironment } from "./millrace.ts";

/** Holds the table and returns what writes it to a path. */
export async function millraceWriter(threads: number): Promise<(path: string) => Promise<void>> {
  const env = millraceEnvironment(threads);
  const table = await env.readParquet(await lineitemLike(writtenRows, "SNAPPY")).persist();
  return async (path) => {
    table.writeParquet(path, { codec: "snappy", overwrite: "overwrite", rowGroupRows });
    await env.execute();
  };
}
