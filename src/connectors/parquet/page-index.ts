/** Where a data page lies, from the offset index. */
export interface PageLocation {
  /** File position of its header. */
  readonly offset: number;
  readonly compressedSize: number;
  /** Index of its first row in the row group. */
  readonly firstRow: number;
}
