import type { Column } from "../column.ts";
import { InternalError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import { bitsForCodes, type CodeLayout, layOutCodes } from "./code-layout.ts";
import type { KeyTable } from "./key-table.ts";
import { PairTable } from "./pair-table.ts";
import { WordTable } from "./word-table.ts";

/** One or more key columns that their own table turns into codes. */
export interface KeyPart {
  readonly table: KeyTable;
  readonly columnCount: number;
}

/**
 * Keys of several columns. Each part's own table turns its values into codes 0, 1, 2, ...; the codes, in as few bits
 * as they need, are packed into one key of 8 or 16 bytes, which a last table maps to groups. So a key of six columns
 * costs few bytes per group and one random access, and keys of low cardinality end in a direct-mapped table.
 * Should the codes outgrow 16 bytes, halves of the parts become composite tables of their own.
 */
export class CompositeTable implements KeyTable {
  readonly #workspace: Workspace;
  readonly #hashMask: number;
  #parts: readonly KeyPart[];
  #layout: CodeLayout;
  #table: WordTable | PairTable;

  constructor(workspace: Workspace, parts: readonly KeyPart[], hashMask: number) {
    this.#workspace = workspace;
    this.#hashMask = hashMask;
    this.#parts = parts;
    this.#layout = smallestLayout(parts.length);
    this.#table = this.#newTable(this.#layout);
  }

  get groupCount(): number {
    return this.#table.keys.count;
  }

  get memoryBytes(): number {
    return this.#parts.reduce((sum, { table }) => sum + table.memoryBytes, this.#table.memoryBytes);
  }

  growthBytes(rowCount: number): number {
    return this.#parts.reduce((sum, { table }) => sum + table.growthBytes(rowCount), this.#table.growthBytes(rowCount));
  }

  assignInto(columns: readonly Column[], rowCount: number, out: Address): void {
    const codes = this.#parts.map(() => this.#workspace.allocate(rowCount * 4));
    let first = 0;
    this.#parts.forEach(({ table, columnCount }, i) => {
      table.assignInto(columns.slice(first, first + columnCount), rowCount, codes[i].address);
      first += columnCount;
    });
    this.#assignCodes(codes, rowCount, out);
    for (const block of codes) block.release();
  }

  keyColumns(from: number, count: number): Column[] {
    const keys = this.#table.keys.address + from * this.#layout.words * 8;
    return this.#parts.length === 0 ? [] : this.#decode(keys, count);
  }

  gatherKeys(groups: Address, count: number): Column[] {
    const { kernels } = this.#workspace;
    const keys = this.#workspace.allocate(count * this.#layout.words * 8);
    const gather = this.#layout.words === 1 ? kernels.gather64 : kernels.gather128;
    gather(this.#table.keys.address, groups, count, keys.address);
    const columns = this.#decode(keys.address, count);
    keys.release();
    return columns;
  }

  reset(): void {
    for (const { table } of this.#parts) table.reset();
    this.#table.release();
    this.#layout = smallestLayout(this.#parts.length);
    this.#table = this.#newTable(this.#layout);
  }

  release(): void {
    for (const { table } of this.#parts) table.release();
    this.#table.release();
  }

  /** Groups of rows whose codes, one u32[rowCount] per part, are known. */
  #assignCodes(codes: readonly Block[], rowCount: number, out: Address): void {
    const bits = this.#parts.map(({ table }, i) => bitsForCodes(table.groupCount, this.#layout.fields[i].bits));
    if (bits.some((width, i) => width > this.#layout.fields[i].bits)) {
      const layout = layOutCodes(bits);
      if (layout === undefined) {
        this.#assignFolded(codes, rowCount, out);
        return;
      }
      this.#repack(layout);
    }
    const keys = this.#pack(codes, rowCount, this.#layout);
    if (this.#table instanceof WordTable) this.#table.assign(keys.address, 0, rowCount, out);
    else this.#table.assignPairs(keys.address, 0, rowCount, out);
    keys.release();
  }

  #repack(layout: CodeLayout): void {
    const count = this.groupCount;
    const codes = this.#unpack(this.#table.keys.address, count);
    this.#adopt(codes, count, layout);
    for (const block of codes) block.release();
  }

  /** Starts a new table with the groups 0..count-1 of the given codes. */
  #adopt(codes: readonly Block[], count: number, layout: CodeLayout): void {
    this.#table.release();
    this.#layout = layout;
    this.#table = this.#newTable(layout);
    const keys = this.#pack(codes, count, layout);
    this.#table.adopt(keys.address, count);
    keys.release();
  }

  /** Makes a composite table of each half of the parts, moves the present groups there, then goes on. */
  #assignFolded(codes: readonly Block[], rowCount: number, out: Address): void {
    const half = this.#parts.length >>> 1;
    const halves = [this.#parts.slice(0, half), this.#parts.slice(half)];
    const count = this.groupCount;
    const present = this.#unpack(this.#table.keys.address, count);
    const presentHalves = [present.slice(0, half), present.slice(half)];
    const codeHalves = [codes.slice(0, half), codes.slice(half)];
    const tables = halves.map((parts) =>
      parts.length === 1 ? undefined : new CompositeTable(this.#workspace, parts, this.#hashMask),
    );
    const through = (blocks: readonly Block[], i: number, length: number): Block => {
      const table = tables[i];
      if (table === undefined) return blocks[0].retain();
      const groups = this.#workspace.allocate(length * 4);
      table.#assignCodes(blocks, length, groups.address);
      return groups;
    };
    const presentFolded = presentHalves.map((blocks, i) => through(blocks, i, count));
    const codesFolded = codeHalves.map((blocks, i) => through(blocks, i, rowCount));
    this.#parts = halves.map((parts, i) => {
      const table = tables[i];
      if (table === undefined) return parts[0];
      return { table, columnCount: parts.reduce((sum, part) => sum + part.columnCount, 0) };
    });
    const bits = this.#parts.map(({ table }) => bitsForCodes(table.groupCount, 1));
    // Two codes of at most 32 bits always fit.
    this.#adopt(presentFolded, count, layOutCodes(bits) ?? smallestLayout(2));
    this.#assignCodes(codesFolded, rowCount, out);
    for (const block of [...present, ...presentFolded, ...codesFolded]) block.release();
  }

  #newTable({ words }: CodeLayout): WordTable | PairTable {
    if (words === 2) return new PairTable(this.#workspace, this.#hashMask);
    return new WordTable(this.#workspace, { assignDirect: this.#workspace.kernels.groupDirectI64 }, this.#hashMask);
  }

  #pack(codes: readonly Block[], rowCount: number, { words, fields }: CodeLayout): Block {
    const keys = this.#workspace.allocate(rowCount * words * 8);
    const isWritten = [false, false];
    fields.forEach(({ word, shift }, i) => {
      const at = keys.address + word * 8;
      this.#workspace.kernels.groupPack(codes[i].address, rowCount, shift, at, words * 8, !isWritten[word]);
      isWritten[word] = true;
    });
    return keys;
  }

  #unpack(keys: Address, count: number): Block[] {
    const { words, fields } = this.#layout;
    return fields.map(({ word, shift, bits }) => {
      const codes = this.#workspace.allocate(count * 4);
      this.#workspace.kernels.groupUnpack(keys + word * 8, count, words * 8, shift, bits, codes.address);
      return codes;
    });
  }

  #decode(keys: Address, count: number): Column[] {
    const codes = this.#unpack(keys, count);
    const columns = this.#parts.flatMap(({ table }, i) => table.gatherKeys(codes[i].address, count));
    for (const block of codes) block.release();
    return columns;
  }
}

/** One bit per code; a table of more than 128 parts would need more bits than that in its first batch already. */
function smallestLayout(partCount: number): CodeLayout {
  const layout = layOutCodes(new Array(partCount).fill(1));
  if (layout === undefined) throw new InternalError(`A composite key of ${partCount} parts was not split.`);
  return layout;
}
