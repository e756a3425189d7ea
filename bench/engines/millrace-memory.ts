/** Larger than memory in Millrace: groups and sorted rows that do not fit the budget. */
import { col, count, ExecutionEnvironment, max, sum } from "../../dist/index.js";
import { largeFile, largeRows, memoryBudgetBytes, sortColumns } from "../cases/memory.ts";
import type { BenchCase, Finished, Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";
import { arrowAnswer, columnsAnswer } from "./columns.ts";

export const memoryMillrace = (threads: number) => async (): Promise<Session> => {
  const env = ExecutionEnvironment.create({ parallelism: threads, memoryBytes: memoryBudgetBytes });
  const path = await largeFile();
  const aggregate = async (): Promise<Finished> => {
    const table = await env
      .readParquet(path)
      .groupBy("l_orderkey")
      .aggregate({ quantity: sum("l_quantity"), lines: count() })
      .aggregate({ orders: count(), quantity: sum("quantity"), most_lines: max("lines") })
      .collectArrow();
    return { summary: async (shape) => summarise(arrowAnswer(table), shape) };
  };
  return {
    supports: () => true,
    run: ({ name }: BenchCase) => (name === "sort" ? sorted(env, path) : aggregate()),
    close: () => undefined,
  };
};

/** Takes the sorted batches as they come and keeps none; checks their order and what travels along. */
async function sorted(env: ExecutionEnvironment, path: string): Promise<Finished> {
  const rows = env
    .readParquet(path)
    .select(...sortColumns)
    .orderBy("l_extendedprice")
    .select({
      l_extendedprice: col("l_extendedprice"),
      l_partkey: col("l_partkey"),
      comment_bytes: col("l_comment").byteLength(),
      l_comment: col("l_comment"),
    });
  const totals = { n: 0, out_of_order: 0, partkeys: 0, comment_bytes: 0 };
  let previous = Number.NEGATIVE_INFINITY;
  for await (const batch of rows.batches()) {
    const [prices, partkeys, lengths] = batch.data.children.map(({ values }) => values);
    for (let row = 0; row < batch.numRows; row++) {
      const price = prices[row] as number;
      if (price < previous) totals.out_of_order++;
      previous = price;
      totals.partkeys += Number(partkeys[row]);
      totals.comment_bytes += lengths[row] as number;
    }
    totals.n += batch.numRows;
  }
  if (totals.n !== largeRows) throw new Error(`sorted ${totals.n} rows`);
  const answer = columnsAnswer(Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, [total]])));
  return { summary: async (shape) => summarise(answer, shape) };
}
