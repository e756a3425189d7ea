import type { Column } from "../column.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { encodeKeyRows } from "../columns/key-rows.ts";
import { encodeKeys } from "../columns/sort-keys.ts";
import type { Address } from "../memory/allocator.ts";
import { byteWidth, type DataType, isNested, isVariableLength } from "../types.ts";
import type { Workspace } from "../workspace.ts";

/**
 * How keys lie: "words" are u64, "pairs" two u64, "views" 16 bytes that hold a short string or point to a longer one
 * (kernels/hash-table.ts). Both sides of a join use one form, which depends on the key types alone.
 */
export type KeyForm = "words" | "pairs" | "views";

export function keyForm(types: readonly DataType[], nullEquals: boolean): KeyForm {
  const isPlain = (type: DataType) => !isNested(type) && !isVariableLength(type) && type.kind !== "interval";
  if (nullEquals || !types.every(isPlain)) return "views";
  const bits = types.reduce((sum, type) => sum + (type.kind === "bool" ? 1 : byteWidth(type) * 8), 0);
  return bits <= 64 ? "words" : bits <= 128 ? "pairs" : "views";
}

/** The keys of some rows, which also own the memory that views point into. */
export class JoinKeys {
  readonly form: KeyForm;
  readonly length: number;
  readonly keys: Address;
  /** Bitmap of the rows whose keys can match; 0 where all can. */
  readonly valid: Address;
  readonly #workspace: Workspace;
  readonly #hashMask: number;
  readonly #owned: { release(): void }[];
  #hashes: Address;

  constructor(
    workspace: Workspace,
    fields: { form: KeyForm; length: number; keys: Address; hashes: Address; valid: Address; hashMask: number },
    owned: { release(): void }[],
  ) {
    this.#workspace = workspace;
    this.form = fields.form;
    this.length = fields.length;
    this.keys = fields.keys;
    this.valid = fields.valid;
    this.#hashMask = fields.hashMask;
    this.#hashes = fields.hashes;
    this.#owned = owned;
  }

  /** u32[length], computed on first use: direct-mapped tables need none. */
  get hashes(): Address {
    if (this.#hashes === 0) {
      const { kernels } = this.#workspace;
      const block = this.#workspace.allocate(this.length * 4);
      const hash = this.form === "words" ? kernels.tableHashWords : kernels.tableHashPairs;
      hash(this.keys, this.length, this.#hashMask, block.address);
      this.#owned.push(block);
      this.#hashes = block.address;
    }
    return this.#hashes;
  }

  release(): void {
    for (const owned of this.#owned.splice(0)) owned.release();
  }
}

/** `hashMask` is ANDed with the internal hashes: tests pass 0, so that all keys collide. */
export function joinKeys(
  workspace: Workspace,
  columns: readonly Column[],
  length: number,
  nullEquals: boolean,
  hashMask: number,
): JoinKeys {
  const { kernels } = workspace;
  const types = columns.map((column) => column.type);
  const form = keyForm(types, nullEquals);
  const owned: { release(): void }[] = [];
  const valid = nullEquals ? 0 : validRows(workspace, columns, length, owned);
  const [first] = columns;
  if (form === "views") {
    const isText = columns.length === 1 && isVariableLength(first.type) && !nullEquals;
    const rows = isText ? decodeDictionary(workspace, first) : encodeKeyRows(workspace, columns, length);
    const views = workspace.allocate(length * 16);
    const hashes = workspace.allocate(length * 4);
    owned.push(rows, views, hashes);
    if (length > 0) {
      kernels.tableViews(rows.data, rows.offsets, length, hashMask, views.address, hashes.address);
    }
    const fields = { form, length, keys: views.address, hashes: hashes.address, valid, hashMask };
    return new JoinKeys(workspace, fields, owned);
  }
  if (columns.length === 1 && byteWidth(first.type) <= 8) {
    const keys = singleWords(workspace, first, length, owned);
    return new JoinKeys(workspace, { form, length, keys, hashes: 0, valid, hashMask }, owned);
  }
  const order = columns.map(() => ({}));
  const { words } = encodeKeys(workspace, columns, order, length, "equality");
  owned.push(words);
  return new JoinKeys(workspace, { form, length, keys: words.address, hashes: 0, valid, hashMask }, owned);
}

/** Values of one column as words: integers keep their distances, so that narrow ranges can index a table. */
function singleWords(workspace: Workspace, column: Column, length: number, owned: { release(): void }[]): Address {
  const { kernels } = workspace;
  const values = decodeDictionary(workspace, column);
  const { type } = values;
  owned.push(values);
  if (byteWidth(type) === 8 && type.kind !== "float64") return values.data;
  const words = workspace.allocate(length * 8);
  owned.push(words);
  if (type.kind === "null") {
    kernels.fillBytes(words.address, 0, length * 8);
    return words.address;
  }
  if (type.kind === "bool") {
    const bytes = workspace.allocate(length);
    kernels.groupUnpackBits(values.data, length, bytes.address);
    kernels.groupWidenU8(bytes.address, length, words.address);
    bytes.release();
    return words.address;
  }
  widenKernel(workspace, type)(values.data, length, words.address);
  return words.address;
}

function widenKernel(
  { kernels }: Workspace,
  type: DataType,
): (values: Address, length: number, words: Address) => void {
  switch (type.kind) {
    case "int8":
      return kernels.groupWidenI8;
    case "uint8":
      return kernels.groupWidenU8;
    case "int16":
      return kernels.groupWidenI16;
    case "uint16":
      return kernels.groupWidenU16;
    case "uint32":
      return kernels.groupWidenU32;
    case "float32":
      return kernels.groupWidenF32;
    case "float64":
      return kernels.groupWidenF64;
    default:
      return kernels.groupWidenI32; // int32, date, time in s and ms
  }
}

/** The bitmap of rows without a null key, or 0 where no row has one; what it lies in is added to `owned`. */
export function validRows(
  workspace: Workspace,
  columns: readonly Column[],
  length: number,
  owned: { release(): void }[],
): Address {
  const { kernels } = workspace;
  if (columns.some((column) => column.type.kind === "null")) {
    const none = workspace.allocateZeroed((length + 7) >>> 3);
    owned.push(none);
    return none.address;
  }
  const bitmaps = columns.filter((column) => column.validity !== 0);
  if (bitmaps.length === 0) return 0;
  const [first, ...others] = bitmaps;
  owned.push(first.retain());
  if (others.length === 0) return first.validity;
  const both = workspace.allocate((length + 7) >>> 3);
  owned.push(both);
  kernels.copyBytes(both.address, first.validity, (length + 7) >>> 3);
  for (const column of others) kernels.bitmapAnd(both.address, column.validity, length, both.address);
  return both.address;
}
