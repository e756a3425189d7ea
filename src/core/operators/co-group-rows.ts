import type { Batch } from "../batch.ts";
import type { SortKey } from "../columns/sort-keys.ts";
import { assert, PlanError } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { compareKeys } from "../rows/key-cuts.ts";
import { ResultRows } from "../rows/result-rows.ts";
import type { Row } from "../rows/row-view.ts";
import { createRowWriter } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type Group, SortedGroups } from "../rows/sorted-groups.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { SpillSpace } from "../spill-space.ts";
import { formatType, sameType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { ResultShape } from "./map-rows.ts";

export type CoGroupFunction = (
  key: Row,
  left: Iterable<Row>,
  right: Iterable<Row>,
  context: RuntimeContext,
) => Iterable<object>;
export type CoGroupRichFunction = FunctionLife & { coGroup: CoGroupFunction };

/** One input of a co-group. */
export interface CoGroupInput {
  readonly schema: Schema;
  /** As many keys as the other input has, of the same types, in the same order. */
  readonly keys: readonly SortKey[];
  /** The columns that the function's key shows, in the order of the other side's; by default those of `keys`. */
  readonly keyColumns?: readonly number[];
  /** So many columns at the end are hidden from the function. */
  readonly hiddenColumns?: number;
}

/**
 * Calls a function once per key that occurs in either of two inputs, with the rows of both.
 * Input:     0 left, 1 right, inserts only, each sorted by its keys. The function gets the key under the names of the
 *            left side, and copies of the rows, each side to iterate once; a side without the key is empty. Null keys
 *            equal each other.
 * Output:    the columns of the result shape, in the order of the keys.
 * State:     the rows of the present key of each side, over budget on disk.
 * Watermark: travels on: for bounded input.
 * Late rows: none; a bounded operator.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it gives; ROWS_CONSUMED.
 */
export class CoGroupRows implements Operator {
  readonly outputSchema: Schema;
  readonly inputCount = 2;
  readonly #user: UserFunction<CoGroupFunction>;
  readonly #inputs: readonly [CoGroupInput, CoGroupInput];
  readonly #shape: ResultShape;
  #space: SpillSpace | undefined;
  #results: ResultRows | undefined;
  #sides: readonly SortedGroups[] = [];
  #groups: Group[] = [];
  #groupCount = 0;

  /** @throws {PlanError} KEY_TYPES_DIFFER */
  constructor(
    coGroup: CoGroupFunction | CoGroupRichFunction,
    left: CoGroupInput,
    right: CoGroupInput,
    shape: ResultShape,
    site: FunctionSite,
  ) {
    this.#user = new UserFunction<CoGroupFunction>(coGroup, "coGroup", site);
    this.#inputs = [left, right];
    this.#shape = shape;
    this.outputSchema = shape.schema;
    assert(left.keys.length === right.keys.length && left.keys.length > 0, "both sides have as many keys");
    for (const [i, { column }] of left.keys.entries()) {
      const a = left.schema.fields[column];
      const b = right.schema.fields[right.keys[i].column];
      if (sameType(a.type, b.type)) continue;
      throw new PlanError(
        "KEY_TYPES_DIFFER",
        `The key "${a.name}" is ${formatType(a.type)}, and "${b.name}" is ${formatType(b.type)}.`,
        "Cast one of them to the type of the other.",
      );
    }
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows } = context;
    const { where } = this.#user;
    const space = new SpillSpace(context, "co-group");
    this.#space = space;
    const writer = createRowWriter(workspace, this.outputSchema, { ...this.#shape, where });
    this.#results = new ResultRows(this.#user, writer, batchRows);
    const [left] = this.#inputs;
    const keyColumnsOf = ({ keys, keyColumns }: CoGroupInput) => keyColumns ?? keys.map(({ column }) => column);
    const names = keyColumnsOf(left).map((column) => left.schema.fields[column].name);
    this.#sides = this.#inputs.map((input) => {
      const { schema, keys, hiddenColumns = 0 } = input;
      const key = keyColumnsOf(input).map((column, i) => ({ name: names[i], column }));
      const rows = schema.fields
        .map(({ name }, column) => ({ name, column }))
        .slice(0, schema.fields.length - hiddenColumns);
      return new SortedGroups(workspace, schema, keys, space, where, { key, rows });
    });
    this.#user.open(context);
  }

  /** What is given for the i-th key gets the marks of the i-th row of this batch, which is borrowed until `close`. */
  markGroups(workspace: Workspace, batch: Batch): void {
    this.#results?.mark(workspace, batch);
  }

  wantedInput(): number | "any" {
    const side = this.#sides.findIndex((groups) => groups.state() === "starving");
    return side < 0 ? "any" : side;
  }

  processBatch(batch: Batch, output: Output, input: number): Progress {
    assert(batch.rowKinds === undefined, "coGroup takes inserts only");
    this.#sides[input].push(batch);
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const { call, context, where } = this.#user;
    const [left, right] = this.#sides;
    const results = this.#results;
    if (results === undefined) return "done";
    for (;;) {
      if (results.drain(output) === "more") return "more";
      this.#closeGroups();
      const leftState = left.state();
      const rightState = right.state();
      if (leftState === "starving" || rightState === "starving") return "done";
      if (leftState === "exhausted" && rightState === "exhausted") {
        results.flush(output);
        return "done";
      }
      let order = 0;
      if (leftState === "exhausted") order = 1;
      else if (rightState === "exhausted") order = -1;
      else order = compareKeys(left.frontKey(), right.frontKey());
      const leftGroup = order <= 0 ? left.take() : undefined;
      if (leftGroup !== undefined) this.#groups.push(leftGroup);
      const rightGroup = order >= 0 ? right.take() : undefined;
      if (rightGroup !== undefined) this.#groups.push(rightGroup);
      const key = (leftGroup ?? rightGroup)?.key;
      assert(key !== undefined, `${where} has a group`);
      const given = this.#user.guard(() => call(key, leftGroup?.rows ?? [], rightGroup?.rows ?? [], context));
      results.start(given, this.#groupCount++);
    }
  }

  endInput(output: Output, input: number): Progress {
    this.#sides[input].end();
    return this.resume(output);
  }

  close(): void {
    const results = this.#results;
    this.#results = undefined;
    try {
      results?.close();
    } finally {
      this.#closeGroups();
      for (const side of this.#sides) side.close();
      this.#sides = [];
      this.#space?.close();
      this.#user.close();
    }
  }

  #closeGroups(): void {
    for (const group of this.#groups) group.close();
    this.#groups = [];
  }
}
