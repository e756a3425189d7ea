import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { buildColumn } from "../columns/builder.ts";
import { hashColumns } from "../columns/hash.ts";
import { keyGroups } from "../columns/partition.ts";
import { columnReader } from "../columns/read.ts";
import { PlanError } from "../errors.ts";
import { DictionaryTexts } from "../rows/cells.ts";
import type { Field, Schema } from "../schema.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { isOwnIdentity, type KeyId, type KeyIdentity, keyIdentity, ownIdentity } from "./key-identity.ts";
import { storedReader } from "./stored-reader.ts";
import { storedType } from "./stored-value.ts";

/** The key of a row, as state and timers know it. */
export interface StateKey {
  readonly keyGroup: number;
  /** Equal for equal keys of one operator. */
  readonly id: KeyId;
  /** In the form of `ValueOf`, in the order of the key columns; nobody changes them. */
  readonly values: readonly unknown[];
}

/** The keys of the rows of a state table. */
export interface TableKeys {
  groupAt(row: number): number;
  idAt(row: number): KeyId;
  /** Undefined where the one value of the key is its id. */
  valuesAt(row: number): readonly unknown[] | undefined;
}

/** The key columns of an operator: finds the keys of rows, of snapshots and of questions. */
export class KeyColumns {
  readonly fields: readonly Field[];
  readonly #workspace: Workspace;
  readonly #positions: readonly number[];
  readonly #maxParallelism: number;
  readonly #identity: KeyIdentity;
  readonly #texts: readonly DictionaryTexts[];
  #groups: Uint32Array = new Uint32Array(0);
  #readers: ((row: number) => unknown)[] = [];

  /** @throws {PlanError} COLUMN_UNKNOWN */
  constructor(workspace: Workspace, schema: Schema, names: readonly string[], maxParallelism: number) {
    this.#workspace = workspace;
    this.#positions = names.map((name) => schema.indexOf(name));
    this.fields = this.#positions.map((position) => schema.fields[position]);
    this.#maxParallelism = maxParallelism;
    this.#identity = keyIdentity(this.fields.map(({ type }) => type));
    this.#texts = names.map(() => new DictionaryTexts());
  }

  /** The rows that `at` means until the next call; the caller holds the batch as long. */
  bind(batch: Batch): void {
    const columns = this.#positions.map((position) => batch.columns[position]);
    this.#groups = this.#groupsOf(columns, batch.rowCount);
    this.#readers = columns.map((column, i) => keyReader(this.#workspace, column, this.#texts[i]));
  }

  at(row: number): StateKey {
    const readers = this.#readers;
    if (readers.length === 1) return this.#keyOf(this.#groups[row], [readers[0](row)]);
    return this.#keyOf(
      this.#groups[row],
      readers.map((read) => read(row)),
    );
  }

  unbind(): void {
    this.#readers = [];
  }

  /** The key of a row of a state table. */
  restored(keyGroup: number, values: readonly unknown[]): StateKey {
    return this.#keyOf(keyGroup, values);
  }

  /** The same of all rows of a table, whose key group and key `columns` are; the caller holds them as long. */
  ofTable([group, ...columns]: readonly Column[], rowCount: number): TableKeys {
    const workspace = this.#workspace;
    const groups = new Int32Array(workspace.memory.buffer, group.data, rowCount);
    const groupAt = (row: number) => groups[row];
    const readers = columns.map((column) => storedReader(workspace, column));
    const [first] = readers;
    if (readers.length === 1 && isOwnIdentity(this.fields[0].type)) {
      return { groupAt, idAt: (row) => ownIdentity(first(row)), valuesAt: () => undefined };
    }
    const valuesAt = (row: number) => readers.map((read) => read(row));
    return { groupAt, idAt: (row) => this.#identity(valuesAt(row)), valuesAt };
  }

  /** The key of a question from outside. @throws {PlanError} STATE_KEY_INVALID. @throws {EvaluationError} VALUE_INVALID */
  asked(values: readonly unknown[]): StateKey {
    if (values.length !== this.fields.length) {
      throw new PlanError(
        "STATE_KEY_INVALID",
        `State was asked for by ${values.length} key values, and its key has ${this.fields.length}.`,
        `Give one for each of ${this.fields.map(({ name }) => name).join(", ")}.`,
      );
    }
    const stored = values.map((value, i) => storedType(this.fields[i].type, "a key").store(value));
    const columns = this.fields.map(({ type }, i) => buildColumn(this.#workspace, type, [stored[i]]));
    const [keyGroup] = this.#groupsOf(columns, 1);
    for (const column of columns) column.release();
    return this.#keyOf(keyGroup, stored);
  }

  #keyOf(keyGroup: number, values: readonly unknown[]): StateKey {
    return { keyGroup, id: this.#identity(values), values };
  }

  #groupsOf(columns: readonly Column[], rowCount: number): Uint32Array {
    const workspace = this.#workspace;
    const hashes = hashColumns(workspace, columns, rowCount);
    const groups = keyGroups(workspace, hashes, rowCount, this.#maxParallelism);
    const copy = workspace.u32.slice(groups.address >>> 2, (groups.address >>> 2) + rowCount);
    hashes.release();
    groups.release();
    return copy;
  }
}

/** Reads a key column; zeros are made equal, so that equal keys are kept as the same values. */
function keyReader(workspace: Workspace, column: Column, known: DictionaryTexts): (row: number) => unknown {
  if (isFloat(column.type)) {
    const read = columnReader(workspace, column);
    return (row) => {
      const value = read(row);
      return value === 0 ? 0 : value;
    };
  }
  return storedReader(workspace, column, known);
}

const isFloat = ({ kind }: DataType): boolean => kind === "float32" || kind === "float64";
