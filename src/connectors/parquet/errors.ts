import { DataError } from "../../core/errors.ts";

/** Where in a Parquet file something is wrong, as far as known. */
export interface ParquetPlace {
  readonly path: string;
  readonly rowGroup?: number;
  readonly column?: string;
  /** Ordinal of the page in its column chunk, dictionary page included. */
  readonly page?: number;
}

export type ParquetErrorCode =
  | "PARQUET_NOT_PARQUET"
  | "PARQUET_FOOTER_CORRUPT"
  | "PARQUET_SCHEMA_INVALID"
  | "PARQUET_PAGE_CORRUPT"
  | "PARQUET_CHECKSUM_MISMATCH"
  | "PARQUET_UNSUPPORTED"
  | "PARQUET_UTF8_INVALID"
  | "PARQUET_VALUE_RANGE";

const REMEDIES: Record<ParquetErrorCode, string> = {
  PARQUET_NOT_PARQUET: "Check the path, or read it with the source for its real format.",
  PARQUET_FOOTER_CORRUPT: "The file is damaged or was not finished: write or fetch it again.",
  PARQUET_SCHEMA_INVALID: "The file breaks the Parquet format: write it again with another writer.",
  PARQUET_PAGE_CORRUPT: "The file is damaged: write or fetch it again, or leave this column out.",
  PARQUET_CHECKSUM_MISMATCH: "The file is damaged: write or fetch it again, or leave this column out.",
  PARQUET_UNSUPPORTED: "Rewrite the file without this feature, or leave the column out.",
  PARQUET_UTF8_INVALID: "Leave this column out, or write it again as UTF-8 or as bytes without a text type.",
  PARQUET_VALUE_RANGE: "Leave this column out, or rewrite it with a type that holds the value.",
};

/** A typed error that names the place: file, row group, column and page. */
export function parquetError(
  code: ParquetErrorCode,
  place: ParquetPlace,
  what: string,
  options?: ErrorOptions,
): DataError {
  const parts = [`Parquet file "${place.path}"`];
  if (place.rowGroup !== undefined) parts.push(`row group ${place.rowGroup}`);
  if (place.column !== undefined) parts.push(`column "${place.column}"`);
  if (place.page !== undefined) parts.push(`page ${place.page}`);
  return new DataError(code, `${parts.join(", ")}: ${what}.`, REMEDIES[code], options);
}
