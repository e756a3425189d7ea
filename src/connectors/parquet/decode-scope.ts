import type { Address } from "../../core/memory/allocator.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";
import { type ParquetErrorCode, type ParquetPlace, parquetError } from "./errors.ts";

/** Kernels store whole vectors: buffers that they fill get this much room behind the last value. */
export const PADDING_BYTES = 64;

/** Requests below this size are not worth asking the governor for. */
const RESERVED_BYTES = 256 * 1024;

/** A buffer that is reused from page to page and only grows; its contents last until the next `take`. */
export class Scratch {
  readonly #workspace: Workspace;
  readonly #purpose: string;
  #block: Block | undefined;

  /** `purpose` tells in an error what the memory was for. */
  constructor(workspace: Workspace, purpose: string) {
    this.#workspace = workspace;
    this.#purpose = purpose;
  }

  take(byteLength: number): Address {
    if (this.#block === undefined || this.#block.byteLength < byteLength) {
      this.release();
      this.#workspace.governor.reserve(byteLength, this.#purpose, { required: true });
      this.#block = this.#workspace.allocate(byteLength);
    }
    return this.#block.address;
  }

  release(): void {
    this.#block?.release();
    this.#block = undefined;
  }
}

/** The buffers that all columns of one reader share. */
export class ScratchSet {
  /** The decompressed page. */
  readonly page: Scratch;
  /** Dictionary indices, or levels as u32. */
  readonly indices: Scratch;
  /** Values before their conversion. */
  readonly values: Scratch;
  /** Rows or positions within a page, of values that are picked. */
  readonly positions: Scratch;
  /** Lengths of the delta encodings. */
  readonly lengths: Scratch;
  /** Tables of the codecs that need some. */
  readonly codec: Scratch;

  constructor(workspace: Workspace, purpose = "Reading a Parquet page") {
    this.page = new Scratch(workspace, purpose);
    this.indices = new Scratch(workspace, purpose);
    this.values = new Scratch(workspace, purpose);
    this.positions = new Scratch(workspace, purpose);
    this.lengths = new Scratch(workspace, purpose);
    this.codec = new Scratch(workspace, purpose);
  }

  release(): void {
    this.page.release();
    this.indices.release();
    this.values.release();
    this.positions.release();
    this.lengths.release();
    this.codec.release();
  }
}

/** What the decoding of one column chunk needs: memory, scratch and a way to fail that names the place. */
export class DecodeScope {
  readonly workspace: Workspace;
  readonly scratch: ScratchSet;
  readonly place: ParquetPlace;
  /** Ordinal of the page being decoded. */
  page: number | undefined;

  constructor(workspace: Workspace, scratch: ScratchSet, place: ParquetPlace) {
    this.workspace = workspace;
    this.scratch = scratch;
    this.place = place;
  }

  /** A block of the given size and some padding, within the memory budget; the caller owns it. */
  allocate(byteLength: number): Block {
    const padded = byteLength + PADDING_BYTES;
    if (padded > RESERVED_BYTES) {
      this.workspace.governor.reserve(padded, "Reading a Parquet column", { required: true });
    }
    return this.workspace.allocate(padded);
  }

  fail(code: ParquetErrorCode, what: string, options?: ErrorOptions): never {
    const place = this.page === undefined ? this.place : { ...this.place, page: this.page };
    throw parquetError(code, place, what, options);
  }

  corrupt(what: string, options?: ErrorOptions): never {
    this.fail("PARQUET_PAGE_CORRUPT", what, options);
  }
}
