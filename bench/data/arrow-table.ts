/** Parquet inputs as apache-arrow tables, for suites that start from Arrow memory. */
import { openAsBlob, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { type RecordBatch, Table, tableFromIPC, tableToIPC } from "apache-arrow";
import { cachedOnce } from "./cache.ts";
import { rowGroupRows } from "./duckdb.ts";

/**
 * The file as an Arrow table with one record batch per Parquet row group, strings as plain utf8.
 * An IPC copy is cached, so only the first call decodes Parquet (with parquet-wasm); later ones map the copy's bytes.
 */
export async function arrowTable(parquetPath: string, name: string): Promise<Table> {
  return tableFromIPC(await arrowIpc(parquetPath, name));
}

/** The bytes of the cached IPC stream. */
export async function arrowIpc(parquetPath: string, name: string): Promise<Buffer> {
  const path = await cachedOnce(`arrow/${name}-${basename(parquetPath, ".parquet")}.arrow`, async (unfinished) => {
    const { ParquetFile } = await import("parquet-wasm");
    const file = await ParquetFile.fromFile(await openAsBlob(parquetPath));
    const batches: RecordBatch[] = [];
    for (let group = 0; group < file.metadata().numRowGroups(); group++) {
      const part = await file.read({ rowGroups: [group], batchSize: rowGroupRows });
      batches.push(...tableFromIPC(part.intoIPCStream()).batches);
    }
    writeFileSync(unfinished, tableToIPC(new Table(batches), "stream"));
  });
  return readFileSync(path);
}
