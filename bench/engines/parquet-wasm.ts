/** Parquet scans with parquet-wasm (arrow-rs), one row group at a time, added up over the Arrow buffers. */
import { openAsBlob } from "node:fs";
import { type Data, tableFromIPC } from "apache-arrow";
import { scanNamed } from "../cases/parquet-scans.ts";
import { rowGroupRows } from "../data/duckdb.ts";
import type { BenchCase, Finished, Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";
import { columnsAnswer } from "./columns.ts";

export async function scanParquetWasm(): Promise<Session> {
  const { ParquetFile } = await import("parquet-wasm");
  return {
    supports: () => true,
    run: async (question: BenchCase): Promise<Finished> => {
      const scan = scanNamed(question.name);
      const names = Object.keys(scan.columns);
      const totals = names.map(() => 0);
      const file = await ParquetFile.fromFile(await openAsBlob(await scan.file()));
      for (let group = 0; group < file.metadata().numRowGroups(); group++) {
        const part = await file.read({ columns: names, rowGroups: [group], batchSize: rowGroupRows });
        const table = tableFromIPC(part.intoIPCStream());
        for (const [index, name] of names.entries()) {
          for (const data of table.getChild(name)?.data ?? []) totals[index] = (totals[index] ?? 0) + sumOf(data);
        }
      }
      file.free();
      const answer = columnsAnswer(Object.fromEntries(names.map((name, index) => [name, [totals[index]]])));
      return { summary: async (shape) => summarise(answer, shape) };
    },
    close: () => undefined,
  };
}

/** Numbers and days are added; of texts, only the offsets are read. The files hold no nulls. */
function sumOf(data: Data): number {
  const offsets = data.valueOffsets as Int32Array | undefined;
  if (offsets !== undefined) return (offsets[data.length] ?? 0) - (offsets[0] ?? 0);
  if (data.values instanceof BigInt64Array) {
    let total = 0n;
    for (const value of data.values) total += value;
    return Number(total);
  }
  let total = 0;
  for (const value of data.values as Float64Array | Int32Array) total += value;
  return total;
}
