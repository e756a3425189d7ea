import type { Batch } from "../batch.ts";
import type { SortKey } from "../columns/sort-keys.ts";
import { assert } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { ResultRows } from "../rows/result-rows.ts";
import type { Row } from "../rows/row-view.ts";
import { createRowWriter } from "../rows/row-writer.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type Group, SortedGroups } from "../rows/sorted-groups.ts";
import { type FunctionLife, type FunctionSite, UserFunction } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { SpillSpace } from "../spill-space.ts";
import type { ResultShape } from "./map-rows.ts";

export type GroupFunction = (key: Row, rows: Iterable<Row>, context: RuntimeContext) => Iterable<object>;
export type GroupRichFunction = FunctionLife & { reduceGroup: GroupFunction };

/**
 * Calls a function once per group of rows with equal keys, and gives on the rows of the iterable that it returns.
 * Input:     inserts only, sorted by the keys (then as the user asked within groups); equal keys lie together. Null
 *            keys are a group of their own. The function gets the key columns and copies of the rows, to iterate once.
 * Output:    the columns of the result shape, groups in the order of the input.
 * State:     the rows of the present group, over budget on disk.
 * Watermark: travels on: for bounded input.
 * Late rows: none; a bounded operator.
 * Errors:    UserFunctionError for what the function throws; those of RowWriter for what it gives; ROWS_CONSUMED.
 */
export class GroupReduce implements Operator {
  readonly outputSchema: Schema;
  readonly #user: UserFunction<GroupFunction>;
  readonly #inputSchema: Schema;
  readonly #keys: readonly SortKey[];
  readonly #shape: ResultShape;
  #space: SpillSpace | undefined;
  #results: ResultRows | undefined;
  #groups: SortedGroups | undefined;
  #group: Group | undefined;

  constructor(
    reduceGroup: GroupFunction | GroupRichFunction,
    inputSchema: Schema,
    keys: readonly SortKey[],
    shape: ResultShape,
    site: FunctionSite,
    /** The name of the function in a rich function. */
    method = "reduceGroup",
  ) {
    this.#user = new UserFunction<GroupFunction>(reduceGroup, method, site);
    this.#inputSchema = inputSchema;
    this.#keys = keys;
    this.#shape = shape;
    this.outputSchema = shape.schema;
  }

  open(context: OperatorContext): void {
    const { workspace, batchRows } = context;
    this.#space = new SpillSpace(context, "group");
    const writer = createRowWriter(workspace, this.outputSchema, { ...this.#shape, where: this.#user.where });
    this.#results = new ResultRows(this.#user, writer, batchRows);
    this.#groups = new SortedGroups(workspace, this.#inputSchema, this.#keys, this.#space, this.#user.where);
    this.#user.open(context);
  }

  processBatch(batch: Batch, output: Output): Progress {
    assert(batch.rowKinds === undefined, "reduceGroup takes inserts only");
    this.#groups?.push(batch);
    return this.resume(output);
  }

  resume(output: Output): Progress {
    const { call, context } = this.#user;
    const groups = this.#groups;
    const results = this.#results;
    if (groups === undefined || results === undefined) return "done";
    for (;;) {
      if (results.drain(output) === "more") return "more";
      this.#group?.close();
      this.#group = undefined;
      const state = groups.state();
      if (state === "exhausted") results.flush(output);
      if (state !== "ready") return "done";
      const group = groups.take();
      this.#group = group;
      results.start(this.#user.guard(() => call(group.key, group.rows, context)));
    }
  }

  endInput(output: Output): Progress {
    this.#groups?.end();
    return this.resume(output);
  }

  close(): void {
    const results = this.#results;
    this.#results = undefined;
    try {
      results?.close();
    } finally {
      this.#group?.close();
      this.#groups?.close();
      this.#groups = undefined;
      this.#space?.close();
      this.#user.close();
    }
  }
}
