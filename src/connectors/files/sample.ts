import { constants, unzipSync } from "node:zlib";
import { Decompress } from "fzstd";
import { DataError } from "../../core/errors.ts";
import type { HostFiles } from "../../core/host.ts";
import { type Compression, compressionOf } from "./byte-input.ts";
import type { FoundFile } from "./paths.ts";

const SAMPLE_BYTES = 1024 * 1024;
/** gzip expands at most a thousandfold, so this bounds what a hostile sample takes to 64 MiB. */
const COMPRESSED_SAMPLE_BYTES = 64 * 1024;

/** Columns of small files, such as those of partitions, are found in several: one may be without a value of a column. */
const SAMPLED_FILES = 10;

/** The first bytes of a text file as text, for inference. */
export interface TextSample {
  readonly path: string;
  readonly text: string;
  /** True where the sample is the whole file. */
  readonly isWhole: boolean;
}

/** Samples of the first files that are not empty, read one by one as they are asked for; of the first one where all are. */
export function* readSamples(
  files: HostFiles,
  found: readonly FoundFile[],
  compression: Compression | "auto" | undefined,
): Generator<TextSample> {
  const filled = found.filter((file) => file.sizeBytes > 0).slice(0, SAMPLED_FILES);
  for (const file of filled.length > 0 ? filled : found.slice(0, 1)) {
    yield readSample(files, file, compressionOf(file.path, compression));
  }
}

/** Reads the start of a file; wrong bytes become U+FFFD, since only reading rows judges them. */
function readSample(files: HostFiles, file: FoundFile, compression: Compression): TextSample {
  const open = files.openRead(file.path);
  try {
    const limit = compression === "none" ? SAMPLE_BYTES : COMPRESSED_SAMPLE_BYTES;
    const raw = new Uint8Array(Math.min(limit, open.sizeBytes));
    open.readInto(raw, 0);
    const bytes = raw.length === 0 ? raw : decompressStart(file.path, raw, compression);
    return { path: file.path, text: new TextDecoder().decode(bytes), isWhole: raw.length === open.sizeBytes };
  } finally {
    open.close();
  }
}

function decompressStart(path: string, raw: Uint8Array, compression: Compression): Uint8Array {
  if (compression === "none") return raw;
  try {
    if (compression === "gzip") return unzipSync(raw, { finishFlush: constants.Z_SYNC_FLUSH });
    const chunks: Uint8Array[] = [];
    new Decompress((chunk) => chunks.push(chunk)).push(raw, false);
    return Buffer.concat(chunks);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(
      "COMPRESSED_CORRUPT",
      `"${path}" cannot be decompressed as ${compression}: ${text}.`,
      'The file is cut, damaged or not compressed so: write it again, or set compression: "none".',
      { cause },
    );
  }
}
