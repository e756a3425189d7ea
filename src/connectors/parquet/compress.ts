import type { Address } from "../../core/memory/allocator.ts";
import type { Workspace } from "../../core/workspace.ts";
import { gzipped } from "./codecs.ts";
import { PADDING_BYTES, type Scratch } from "./decode-scope.ts";
import { Codec } from "./format.ts";

export type WriteCodec = "none" | "snappy" | "gzip" | "zstd";

export const CODEC_NUMBERS: Record<WriteCodec, number> = {
  none: Codec.none,
  snappy: Codec.snappy,
  gzip: Codec.gzip,
  zstd: Codec.zstd,
};

const SNAPPY_TABLE_BYTES = 32 * 1024;

/** Compresses pages into memory that lasts until the next page. */
export class PageCompressor {
  readonly #workspace: Workspace;
  readonly #codec: WriteCodec;
  readonly #output: Scratch;
  readonly #tables: Scratch;

  constructor(workspace: Workspace, codec: WriteCodec, output: Scratch, tables: Scratch) {
    this.#workspace = workspace;
    this.#codec = codec;
    this.#output = output;
    this.#tables = tables;
  }

  /** Up to 64 bytes past the source are read. */
  compress(source: Address, byteLength: number): { address: Address; byteLength: number } {
    const { kernels } = this.#workspace;
    switch (this.#codec) {
      case "none":
        return { address: source, byteLength };
      case "snappy": {
        const address = this.#output.take(kernels.snappyBound(byteLength) + PADDING_BYTES);
        const table = this.#tables.take(SNAPPY_TABLE_BYTES);
        return { address, byteLength: kernels.snappyCompress(source, byteLength, address, table) };
      }
      case "zstd": {
        const address = this.#output.take(kernels.zstdBound(byteLength) + PADDING_BYTES);
        const tables = this.#tables.take(kernels.zstdCompressScratchBytes());
        return { address, byteLength: kernels.zstdCompress(source, byteLength, address, tables) };
      }
      case "gzip": {
        const packed = gzipped(this.#workspace.bytes(source, byteLength));
        const address = this.#output.take(packed.length);
        this.#workspace.u8.set(packed, address);
        return { address, byteLength: packed.length };
      }
    }
  }
}
