import { Batch, mapMarks } from "../batch.ts";
import type { Column } from "../column.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { gatherColumn } from "../columns/gather.ts";
import { sliceColumn } from "../columns/slice.ts";
import { PlanError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { Schema } from "../schema.ts";
import { type DataType, formatType, struct } from "../types.ts";

/** An unnesting as plain data. */
export interface UnnestSpec {
  readonly kind: "unnest";
  readonly column: string;
  readonly keepsEmpty: boolean;
}

/** Batches that one call emits at most. */
const BATCHES_PER_CALL = 4;

/** A batch that is being unnested: its lists, running totals of the rows that they give, and how many were given. */
interface Progressing {
  readonly batch: Batch;
  readonly lists: Column;
  readonly ends: Block;
  readonly total: number;
  given: number;
}

/**
 * Gives a row per element of a list or map column, with the row's other columns beside it.
 * Input:     a list or map column; any others.
 * Output:    the same columns, the list replaced by its elements (a map's are structs of key and value), rows and
 *            elements in their order. Without elements a row gives none, or with `keepsEmpty` one whose element is null.
 * State:     the batch at hand, since its elements may fill many batches.
 * Watermark: travels on once the rows before it are given.
 * Late rows: like any other row.
 */
export class UnnestOperator implements Operator {
  readonly outputSchema: Schema;
  readonly #column: number;
  readonly #keepsEmpty: boolean;
  #context!: OperatorContext;
  #current: Progressing | undefined;

  /** @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH */
  constructor(spec: UnnestSpec, input: Schema) {
    this.outputSchema = unnestedSchema(input, spec.column);
    this.#column = input.indexOf(spec.column);
    this.#keepsEmpty = spec.keepsEmpty;
  }

  open(context: OperatorContext): void {
    this.#context = context;
  }

  processBatch(batch: Batch, output: Output): Progress {
    const { workspace } = this.#context;
    const lists = decodeDictionary(workspace, batch.columns[this.#column]);
    const ends = workspace.allocate(batch.rowCount * 4);
    const total = workspace.kernels.listUnnestEnds(
      lists.offsets,
      lists.validity,
      batch.rowCount,
      this.#keepsEmpty,
      ends.address,
    );
    this.#current = { batch: batch.retain(), lists, ends, total: total >>> 0, given: 0 };
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const current = this.#current;
    if (current === undefined) return "done";
    for (let emitted = 0; emitted < BATCHES_PER_CALL; emitted++) {
      const count = output.isClosed ? 0 : Math.min(this.#context.batchRows, current.total - current.given);
      if (count === 0) {
        this.#release();
        return "done";
      }
      output.emit(this.#rows(current, count));
      current.given += count;
    }
    return "more";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#release();
  }

  #release(): void {
    this.#current?.batch.release();
    this.#current?.lists.release();
    this.#current?.ends.release();
    this.#current = undefined;
  }

  #rows({ batch, lists, ends, given }: Progressing, count: number): Batch {
    const { workspace } = this.#context;
    const rows = workspace.allocate(count * 4);
    const elements = workspace.allocate(count * 4);
    workspace.kernels.listUnnest(
      lists.offsets,
      lists.validity,
      ends.address,
      batch.rowCount,
      given,
      count,
      rows.address,
      elements.address,
    );
    const columns = batch.columns.map((column, i) =>
      i === this.#column
        ? this.#elements(lists.children[0], elements, count)
        : gatherColumn(workspace, column, rows.address, count),
    );
    const marks = mapMarks(batch.marks, (column) => gatherColumn(workspace, column, rows.address, count));
    rows.release();
    elements.release();
    return new Batch(this.outputSchema, count, columns, marks);
  }

  #elements(values: Column, elements: Block, count: number): Column {
    const { workspace } = this.#context;
    const at = elements.address >>> 2;
    const [first, last] = [workspace.u32[at], workspace.u32[at + count - 1]];
    // Indices ascend and none is left out, unless rows without elements are kept: then they are shared, not copied.
    if (!this.#keepsEmpty && last - first === count - 1) return sliceColumn(workspace, values, first, count);
    return gatherColumn(workspace, values, elements.address, count, this.#keepsEmpty);
  }
}

/** @throws {PlanError} COLUMN_UNKNOWN, TYPE_MISMATCH */
export function unnestedSchema(input: Schema, column: string): Schema {
  const element = elementType(input.typeOf(column));
  if (element === undefined) {
    throw new PlanError(
      "TYPE_MISMATCH",
      `unnest takes a list or map, but "${column}" is ${formatType(input.typeOf(column))}.`,
      "Name a column of lists.",
    );
  }
  return new Schema(input.fields.map((field) => (field.name === column ? { name: column, type: element } : field)));
}

function elementType(type: DataType): DataType | undefined {
  if (type.kind === "list") return type.element;
  return type.kind === "map" ? struct({ key: type.key, value: type.value }) : undefined;
}
