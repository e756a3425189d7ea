/** The byte that ends a record. */
export const NEWLINE = 10;

/** How bytes form records; bytes as numbers, -1 for none. Records end at newlines outside quotes. */
export interface RecordFormat {
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  readonly comment: number;
  readonly fields: number;
  /** A longer record is an error: it bounds the memory of a file with a quote that never closes. */
  readonly maxRecordBytes: number;
  /** Whether a split may start inside a quoted field. */
  readonly hasNewlinesInQuotes: boolean;
}

/** The longest record with its line end: what a buffer has to hold. */
export const recordLimit = ({ maxRecordBytes }: RecordFormat): number => maxRecordBytes + 2;

/** Records that are whole lines. */
export const lineFormat = (maxRecordBytes: number): RecordFormat => ({
  delimiter: NEWLINE,
  quote: -1,
  escape: -1,
  comment: -1,
  fields: 1,
  maxRecordBytes,
  hasNewlinesInQuotes: false,
});
