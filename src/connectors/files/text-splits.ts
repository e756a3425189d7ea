import type { Split } from "../../core/source.ts";
import { type Compression, compressionOf } from "./byte-input.ts";
import type { PartitionColumns } from "./partition-values.ts";
import type { FoundFile } from "./paths.ts";

/** Bytes of one split of an uncompressed text file: small enough to balance, large enough to hide its start. */
export const SPLIT_BYTES = 32 * 1024 * 1024;

/** A range of a text file: the records that start in [start, end). */
export interface TextSplit {
  readonly file: FoundFile;
  readonly compression: Compression;
  readonly start: number;
  /** Undefined: to the end of the file, which is unknown where it is compressed. */
  readonly end?: number;
  /** Texts of the partition columns. */
  readonly partitions: readonly (string | null)[];
}

export interface TextSplitOptions {
  readonly compression: Compression | "auto" | undefined;
  /** False where a record's start cannot be found in the middle of a file. */
  readonly isSplittable: boolean;
  readonly splitBytes: number;
}

/** Cuts files into splits; compressed files, and all where nothing is splittable, are one split each. */
export function textSplits(
  files: readonly FoundFile[],
  partitions: PartitionColumns,
  options: TextSplitOptions,
): Split[] {
  return files.flatMap((file, index) => {
    const compression = compressionOf(file.path, options.compression);
    const base = { file, compression, partitions: partitions.texts[index] };
    const isWhole = compression !== "none" || !options.isSplittable || file.sizeBytes <= options.splitBytes;
    if (isWhole) return [asSplit(file.path, file.sizeBytes, { ...base, start: 0 })];
    const count = Math.ceil(file.sizeBytes / options.splitBytes);
    return Array.from({ length: count }, (_, i) => {
      const start = i * options.splitBytes;
      const end = Math.min(file.sizeBytes, start + options.splitBytes);
      return asSplit(`${file.path} from byte ${start}`, end - start, { ...base, start, end });
    });
  });
}

/** How many bytes of a split of an uncompressed file lie behind a position. */
export const bytesBehind = ({ file, end = file.sizeBytes }: TextSplit, position: number): number =>
  Math.max(0, end - position);

const asSplit = (id: string, bytes: number, split: TextSplit): Split => ({
  id,
  bytes,
  payload: split as unknown as Split["payload"],
});
