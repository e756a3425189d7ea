import type { Column } from "../column.ts";
import { allocateValues, columnOf } from "../columns/allocate.ts";
import { InternalError } from "../errors.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { ColumnKeyTable } from "./column-key-table.ts";
import { type WordSource, WordTable } from "./word-table.ts";

/** Keys of up to 8 bytes: bools, integers, floats, dates, times, timestamps. Floats come back with one zero, one NaN. */
export class WordColumnTable implements ColumnKeyTable {
  readonly type: DataType;
  readonly #workspace: Workspace;
  readonly #table: WordTable;

  constructor(workspace: Workspace, type: DataType, hashMask: number) {
    this.type = type;
    this.#workspace = workspace;
    this.#table = new WordTable(workspace, wordSource(workspace, type), hashMask);
  }

  get groupCount(): number {
    return this.#table.keys.count;
  }

  get memoryBytes(): number {
    return this.#table.memoryBytes;
  }

  get nullGroup(): number {
    return this.#table.keys.nullGroup;
  }

  assignPlain(column: Column, rowCount: number, out: Address): void {
    if (this.type.kind !== "bool") {
      this.#table.assign(column.data, column.validity, rowCount, out);
      return;
    }
    const bytes = this.#workspace.allocate(rowCount);
    this.#workspace.kernels.groupUnpackBits(column.data, rowCount, bytes.address);
    this.#table.assign(bytes.address, column.validity, rowCount, out);
    bytes.release();
  }

  keyColumn(from: number, count: number): Column {
    const data = this.#narrowed(this.#table.keys.address + from * 8, count);
    const validity = this.#table.keys.validity(from, count);
    return columnOf(this.#workspace, this.type, count, { data, ...(validity === undefined ? {} : { validity }) });
  }

  gatherKey(groups: Address, count: number): Column | undefined {
    if (this.nullGroup >= 0) return undefined;
    const words = this.#workspace.allocate(count * 8);
    this.#workspace.kernels.gather64(this.#table.keys.address, groups, count, words.address);
    const data = this.#narrowed(words.address, count);
    words.release();
    return columnOf(this.#workspace, this.type, count, { data });
  }

  /** Values of keys u64[count]; the caller owns them. */
  #narrowed(words: Address, count: number): Block {
    const { kernels } = this.#workspace;
    const data = allocateValues(this.#workspace, this.type, count);
    if (this.type.kind === "bool") {
      const bytes = this.#workspace.allocate(count);
      kernels.groupNarrow8(words, count, bytes.address);
      kernels.groupPackBits(bytes.address, count, data.address);
      bytes.release();
      return data;
    }
    switch (byteWidth(this.type)) {
      case 1:
        kernels.groupNarrow8(words, count, data.address);
        break;
      case 2:
        kernels.groupNarrow16(words, count, data.address);
        break;
      case 4:
        kernels.groupNarrow32(words, count, data.address);
        break;
      default:
        kernels.copyBytes(data.address, words, count * 8);
    }
    return data;
  }

  growthBytes(rowCount: number): number {
    return this.#table.growthBytes(rowCount);
  }

  reserve(groupCount: number): void {
    this.#table.reserve(groupCount);
  }

  reset(): void {
    this.#table.reset();
  }

  release(): void {
    this.#table.release();
  }
}

function wordSource({ kernels }: Workspace, type: DataType): WordSource {
  switch (type.kind) {
    case "bool":
    case "uint8":
      return { assignDirect: kernels.groupDirectU8, widen: kernels.groupWidenU8 };
    case "int8":
      return { assignDirect: kernels.groupDirectI8, widen: kernels.groupWidenI8 };
    case "int16":
      return { assignDirect: kernels.groupDirectI16, widen: kernels.groupWidenI16 };
    case "uint16":
      return { assignDirect: kernels.groupDirectU16, widen: kernels.groupWidenU16 };
    case "uint32":
      return { assignDirect: kernels.groupDirectU32, widen: kernels.groupWidenU32 };
    case "float32":
      return { widen: kernels.groupWidenF32 };
    case "float64":
      return { widen: kernels.groupWidenF64 };
    case "int32":
    case "date":
    case "int64":
    case "uint64":
    case "timestamp":
    case "time":
      return byteWidth(type) === 4
        ? { assignDirect: kernels.groupDirectI32, widen: kernels.groupWidenI32 }
        : { assignDirect: kernels.groupDirectI64 };
    default:
      throw new InternalError(`A ${type.kind} key is no 8-byte key.`);
  }
}
