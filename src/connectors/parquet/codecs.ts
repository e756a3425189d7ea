/**
 * Decompression of pages into linear memory. Snappy, LZ4 and zstd are kernels; gzip, brotli and CRC-32 come from
 * node:zlib, which this file alone imports: they are pure functions of their input, so they need no Host.
 */
import { brotliDecompressSync, crc32, gzipSync, unzipSync } from "node:zlib";
import type { Address } from "../../core/memory/allocator.ts";
import type { Workspace } from "../../core/workspace.ts";
import type { DecodeScope } from "./decode-scope.ts";
import { Codec } from "./format.ts";

const CODEC_NAMES: Record<number, string> = Object.fromEntries(Object.entries(Codec).map(([name, id]) => [id, name]));

/** Bounds on how far a codec can expand its input: what claims more is refused before memory is allocated. */
const GREATEST_RATIO: Record<number, number> = {
  [Codec.none]: 1,
  [Codec.snappy]: 32,
  [Codec.gzip]: 1040,
  [Codec.brotli]: 1 << 24,
  [Codec.lz4]: 256,
  [Codec.lz4Raw]: 256,
  [Codec.zstd]: 1 << 16,
};

/** Checks before anything is allocated that a page of these sizes can exist; fails in the scope's place. */
export function checkPageSizes(scope: DecodeScope, codec: number, compressedSize: number, size: number): void {
  const ratio = GREATEST_RATIO[codec];
  if (ratio === undefined) {
    scope.fail("PARQUET_UNSUPPORTED", `the codec ${CODEC_NAMES[codec] ?? codec} is not supported`);
  }
  if (size > compressedSize * ratio + 64) {
    scope.corrupt(`its header claims that ${compressedSize} bytes expand to ${size}, which the codec cannot do`);
  }
}

/**
 * Decompresses [source, +sourceLength) into exactly `targetLength` bytes at `target`, which has 64 bytes of room behind
 * it. Fails with PARQUET_PAGE_CORRUPT where the bytes are malformed or give another length.
 */
export function decompress(
  scope: DecodeScope,
  codec: number,
  source: Address,
  sourceLength: number,
  target: Address,
  targetLength: number,
): void {
  const { kernels } = scope.workspace;
  let written: number;
  switch (codec) {
    case Codec.snappy:
      written = kernels.snappyDecompress(source, sourceLength, target, targetLength);
      break;
    case Codec.lz4Raw:
      written = kernels.lz4Decompress(source, sourceLength, target, targetLength);
      break;
    case Codec.lz4:
      written = kernels.lz4HadoopDecompress(source, sourceLength, target, targetLength);
      // Early writers of this codec left Hadoop's frame out.
      if (written !== targetLength) written = kernels.lz4Decompress(source, sourceLength, target, targetLength);
      break;
    case Codec.zstd: {
      const tables = scope.scratch.codec.take(kernels.zstdScratchBytes());
      written = kernels.zstdDecompress(source, sourceLength, target, targetLength, tables);
      break;
    }
    case Codec.gzip:
    case Codec.brotli:
      written = inflate(scope, codec, source, sourceLength, target, targetLength);
      break;
    default:
      scope.fail("PARQUET_UNSUPPORTED", `the codec ${CODEC_NAMES[codec] ?? codec} is not supported`);
  }
  if (written !== targetLength) {
    scope.corrupt(`its ${CODEC_NAMES[codec]} data does not decompress to the ${targetLength} bytes of its header`);
  }
}

function inflate(
  scope: DecodeScope,
  codec: number,
  source: Address,
  sourceLength: number,
  target: Address,
  targetLength: number,
): number {
  const input = scope.workspace.bytes(source, sourceLength);
  // A byte more than wanted, so that output of another length is noticed, and never more.
  const options = { maxOutputLength: targetLength + 1 };
  let output: Uint8Array;
  try {
    output = codec === Codec.gzip ? unzipSync(input, options) : brotliDecompressSync(input, options);
  } catch (error) {
    scope.corrupt(`its ${CODEC_NAMES[codec]} data is malformed`, { cause: error });
  }
  if (output.length === targetLength) scope.workspace.u8.set(output, target);
  return output.length;
}

/** gzip at its default level. */
export const gzipped = (bytes: Uint8Array): Uint8Array => gzipSync(bytes);

/** The CRC-32 (ISO 3309, as in gzip) of a page, going on from `first`. */
export const pageChecksum = (workspace: Workspace, address: Address, byteLength: number, first = 0): number =>
  crc32(workspace.bytes(address, byteLength), first);
