import type { Column } from "../column.ts";
import { assert } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType, isNested, isVariableLength } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { ColumnKeyTable } from "./column-key-table.ts";
import { CompositeTable, type KeyPart } from "./composite-table.ts";
import { EncodedKeyTable } from "./encoded-key-table.ts";
import type { KeyTable, KeyTableOptions } from "./key-table.ts";
import { NestedColumnTable } from "./nested-column-table.ts";
import { PairColumnTable } from "./pair-column-table.ts";
import { WordColumnTable } from "./word-column-table.ts";

/** More columns than this are grouped in halves. */
const MAXIMUM_PARTS = 64;

/**
 * Maps the rows' keys to dense groups 0, 1, 2, ..., numbered in the order of first occurrence, however the input is
 * cut into batches. Nulls equal each other, so do -0 and 0, and all NaN. Types and encodings:
 * integers, dates, times, timestamps and bools index a direct-mapped table while their range is narrow, else they are
 * hashed; strings, decimals, nested values are hashed; dictionary columns cost one load per row; keys of several
 * columns are packed codes of these.
 */
export class GroupTable {
  readonly keyTypes: readonly DataType[];
  readonly #workspace: Workspace;
  readonly #table: KeyTable;

  constructor(workspace: Workspace, keyTypes: readonly DataType[], options: KeyTableOptions = {}) {
    assert(keyTypes.length > 0, "a group table has at least one key column");
    this.keyTypes = keyTypes;
    this.#workspace = workspace;
    this.#table = keyTable(workspace, keyTypes, (options.hashMask ?? 0xffffffff) | 0).table;
  }

  get groupCount(): number {
    return this.#table.groupCount;
  }

  /** Bytes of linear memory held. */
  get memoryBytes(): number {
    return this.#table.memoryBytes;
  }

  /** Bytes that it would take on top if `rowCount` more rows were all new groups; long strings not counted. */
  growthBytes(rowCount: number): number {
    return this.#table.growthBytes(rowCount);
  }

  /** u32[rowCount]: the group of each row; keys not seen before get the next numbers. The caller owns the block. */
  assign(columns: readonly Column[], rowCount: number): Block {
    const groups = this.#workspace.allocate(rowCount * 4);
    this.#table.assignInto(columns, rowCount, groups.address);
    return groups;
  }

  /** The keys of groups [from, from + count) in columns of the key types. The caller owns them. */
  keyColumns(from: number, count: number): Column[] {
    return this.#table.keyColumns(from, count);
  }

  /** The keys of the groups u32[count] at `groups`; the caller owns the columns. */
  gatherKeys(groups: Address, count: number): Column[] {
    return this.#table.gatherKeys(groups, count);
  }

  /** So many groups are expected: a table that is filled at once need not grow. */
  reserve(groupCount: number): void {
    this.#table.reserve?.(groupCount);
  }

  /** Forgets all groups and gives their memory back. */
  reset(): void {
    this.#table.reset();
  }

  release(): void {
    this.#table.release();
  }
}

function keyTable(workspace: Workspace, types: readonly DataType[], hashMask: number): KeyPart {
  if (types.length === 1) {
    return { table: new EncodedKeyTable(workspace, columnTable(workspace, types[0], hashMask)), columnCount: 1 };
  }
  const half = types.length >>> 1;
  const parts =
    types.length > MAXIMUM_PARTS
      ? [types.slice(0, half), types.slice(half)].map((slice) => keyTable(workspace, slice, hashMask))
      : types.map((type) => keyTable(workspace, [type], hashMask));
  return { table: new CompositeTable(workspace, parts, hashMask), columnCount: types.length };
}

function columnTable(workspace: Workspace, type: DataType, hashMask: number): ColumnKeyTable {
  if (isNested(type) || type.kind === "null") return new NestedColumnTable(workspace, type, hashMask);
  if (isVariableLength(type) || byteWidth(type) === 16) return new PairColumnTable(workspace, type, hashMask);
  return new WordColumnTable(workspace, type, hashMask);
}
