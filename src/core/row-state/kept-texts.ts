import type { Column } from "../column.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";

/** Bytes of a text's field in a packed row. */
export const TEXT_WIDTH = 16;

/**
 * The texts of a column of packed rows: short ones lie in their fields, longer ones in memory of this class. Texts of a
 * dictionary that comes with one batch after the other are kept once.
 */
export class KeptTexts {
  readonly #workspace: Workspace;
  readonly #arenas: Block[] = [];
  #arenaBytes = 0;
  /** The dictionary that came last, and its texts as fields once they are kept. */
  #last: { readonly dictionary: Column; fields: Block | undefined } | undefined;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  get byteLength(): number {
    return this.#arenaBytes + (this.#last?.fields?.byteLength ?? 0);
  }

  /** Writes the fields of a plain column, the first at `field`. */
  put({ data, offsets, length }: Column, field: Address, stride: number): void {
    const { kernels } = this.#workspace;
    kernels.packedPutText(data, offsets, length, field, stride);
    const longBytes = kernels.rowStoreLongBytes(offsets, length);
    if (longBytes === 0) return;
    const arena = this.#workspace.allocate(longBytes);
    this.#arenas.push(arena);
    this.#arenaBytes += arena.byteLength;
    kernels.rowStoreOwnTexts(length, arena.address, field, stride);
  }

  /** Writes the fields of a column by its dictionary; false where it is better decoded. */
  putEncoded({ data, length, dictionary }: Column, field: Address, stride: number): boolean {
    if (dictionary === undefined) return false;
    const fields = this.#fieldsOf(dictionary, length);
    if (fields === undefined) return false;
    this.#workspace.kernels.rowStorePutFields(data, length, fields.address, field, stride);
    return true;
  }

  release(): void {
    for (const arena of this.#arenas.splice(0)) arena.release();
    this.#forget();
  }

  /** A dictionary that is larger than its batch is kept when it comes a second time, as it may come with all. */
  #fieldsOf(dictionary: Column, rowCount: number): Block | undefined {
    const isKnown = this.#last?.dictionary === dictionary;
    if (isKnown && this.#last?.fields !== undefined) return this.#last.fields;
    if (!isKnown) {
      this.#forget();
      this.#last = { dictionary: dictionary.retain(), fields: undefined };
    }
    if (this.#last === undefined || (!isKnown && dictionary.length > rowCount)) return undefined;
    const fields = this.#workspace.allocate(dictionary.length * TEXT_WIDTH);
    this.put(dictionary, fields.address, TEXT_WIDTH);
    this.#last.fields = fields;
    return fields;
  }

  #forget(): void {
    this.#last?.dictionary.release();
    this.#last?.fields?.release();
    this.#last = undefined;
  }
}
