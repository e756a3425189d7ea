import { callSite } from "../api/call-site.ts";
import { columnNames } from "../api/column-arguments.ts";
import { checkedOptions } from "../api/options.ts";
import type { Names } from "../api/selected-fields.ts";
import { PlanError } from "../core/errors.ts";
import type { AsyncRetry } from "../core/operators/async-map.ts";
import { LookupJoin, type LookupJoinOptions } from "../core/operators/lookup-join.ts";
import type { LookupCacheOptions } from "../core/process/lookup-cache.ts";
import type { LookupAnswer, LookupContext, LookupFunction } from "../core/process/lookups.ts";
import type { FunctionLife } from "../core/rows/user-function.ts";
import { type RowOf, Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { joinedColumns } from "../plan/join-output.ts";
import { DataStream } from "./data-stream.ts";
import type { JoinedFields } from "./join-nodes.ts";
import { operatorNode } from "./nodes.ts";
import { checkFunction, siteOf } from "./stream-functions.ts";

type LookupMethod<K> = (
  keys: readonly K[],
  context: LookupContext,
) => Promise<readonly LookupAnswer[]> | readonly LookupAnswer[];

/** A function from keys to what is found for each, or an object that has it as `lookup`, with `open` and `close`. */
export type LookupGiven<K> = LookupMethod<K> | (FunctionLife & { readonly lookup: LookupMethod<K> });

export interface LookupOptions<G extends Fields = Fields> {
  /** Columns of the rows that are found. */
  readonly schema: Schema<G>;
  /** "left": rows for which nothing is found leave with nulls; default "inner". */
  readonly type?: "inner" | "left";
  /** Rows found before; default: each key is asked for again, once nobody waits for it any more. */
  readonly cache?: LookupCacheOptions;
  /** Keys of one call at most; default 100. */
  readonly batchSize?: number;
  /** False: results as they come, between two watermarks; default true: in the order of the rows. */
  readonly ordered?: boolean;
  /** Rows that wait for an answer at one time; default ten times `batchSize`. More hold the stream back. */
  readonly capacity?: number;
  /** For a row, all attempts together; the job fails with ASYNC_TIMEOUT. Default: without end. */
  readonly timeoutMs?: number;
  /** How often a call that fails is made again; default: the first failure stands. */
  readonly retry?: AsyncRetry;
  /** For errors and explain. */
  readonly name?: string;
}

declare module "./data-stream.ts" {
  interface DataStream<F extends Fields> {
    /**
     * Joins each row with what a function finds for its key outside, in a database or a service. The function gets the
     * distinct keys of many rows in one call, and gives one answer for each, in their order: a row, several, or null.
     * Keys are values of the column; of several columns, objects of them. A row with a null in its key matches nothing.
     * Columns whose name is taken get "_right".
     * @throws {PlanError} FUNCTION_INVALID, SCHEMA_UNKNOWN, OPTION_INVALID, ASYNC_OPTION_INVALID, COLUMN_UNKNOWN, UPDATES_NOT_ACCEPTED
     * @example
     * orders.lookup("customerId", (ids) => customers.findMany(ids), {
     *   schema: Schema.of({ name: types.utf8, tier: types.int32 }),
     *   cache: { maxRows: 10_000, ttlMs: 60_000 },
     * })
     */
    lookup<const N extends Names<F>, G extends Fields>(
      key: N,
      find: LookupGiven<NonNullable<RowOf<F>[N]>>,
      options: LookupOptions<G>,
    ): DataStream<JoinedFields<F, never, G>>;
    lookup<const N extends Names<F>, G extends Fields>(
      key: readonly N[],
      find: LookupGiven<{ readonly [K in N]: NonNullable<RowOf<F>[K]> }>,
      options: LookupOptions<G>,
    ): DataStream<JoinedFields<F, never, G>>;
  }
}

const OPTIONS: readonly (keyof LookupOptions)[] = [
  "schema",
  "type",
  "cache",
  "batchSize",
  "ordered",
  "capacity",
  "timeoutMs",
  "retry",
  "name",
];

DataStream.prototype.lookup = function lookup(
  this: DataStream,
  key: string | readonly string[],
  find: LookupGiven<never>,
  options: LookupOptions,
) {
  const keys = columnNames("lookup", Array.isArray(key) ? (key as readonly string[]) : [key as string]);
  checkFunction({ method: "lookup", fn: find, mayWait: true });
  const { schema, type = "inner", ordered = true, name = "lookup", ...limits } = checkedLookup(options);
  const site = callSite();
  const { context, routed } = this;
  const plan = this.plan.map((node) => {
    for (const column of keys) node.schema.indexOf(column);
    const columns = joinedColumns(node.schema, schema, type, () => true);
    const output = new Schema(
      columns.map(({ side, column, name: as }) => ({
        name: as,
        type: (side === "left" ? node.schema : schema).typeOf(column),
      })),
    );
    const lookups: LookupJoinOptions = {
      ...limits,
      site: siteOf(context, name, site),
      type,
      keys,
      output,
      found: columns.flatMap(({ side, column, name: as }) => (side === "right" ? [{ name: as, column }] : [])),
      isOrdered: ordered,
    };
    return operatorNode(
      [{ node, ...(routed.route === undefined ? {} : { route: routed.route }) }],
      {
        kind: "local",
        name,
        create: ([input]) => new LookupJoin(find as LookupFunction, input, lookups),
      },
      site === undefined ? {} : { callSite: site },
    );
  });
  return new DataStream(context, plan) as never;
} as DataStream["lookup"];

/** @throws {PlanError} OPTION_UNKNOWN, OPTION_INVALID, SCHEMA_UNKNOWN */
function checkedLookup(given: LookupOptions): LookupOptions {
  const options = checkedOptions("lookup", given ?? {}, OPTIONS);
  if (!(options.schema instanceof Schema)) {
    throw new PlanError(
      "SCHEMA_UNKNOWN",
      "lookup was not told the columns of the rows that it finds.",
      "Declare them with the option schema, for example { schema: Schema.of({ name: types.utf8 }) }.",
    );
  }
  const { type, ordered, cache, retry } = options;
  if (type !== undefined && type !== "inner" && type !== "left") {
    throw new PlanError("OPTION_INVALID", `lookup was given the type ${String(type)}.`, 'Give "inner" or "left".');
  }
  if (ordered !== undefined && typeof ordered !== "boolean") {
    throw new PlanError("OPTION_INVALID", `lookup was given ordered: ${String(ordered)}.`, "Give true or false.");
  }
  if (cache !== undefined) checkedOptions("lookup's cache", cache, ["maxRows", "ttlMs", "missing"]);
  if (retry !== undefined) {
    checkedOptions("lookup's retry", retry, ["attempts", "delayMs", "backoff", "shouldRetry"]);
  }
  return options;
}
