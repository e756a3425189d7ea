import { PlanError } from "../errors.ts";
import type { OperatorContext } from "../operator.ts";
import type { LookupCacheOptions } from "../process/lookup-cache.ts";
import { type LookupFunction, Lookups } from "../process/lookups.ts";
import type { Row } from "../rows/row-view.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import { type FunctionLife, type FunctionSite, siteText } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { AsyncMap, type AsyncResult, type AsyncRetry } from "./async-map.ts";

export type LookupRichFunction = FunctionLife & { readonly lookup: LookupFunction };

export interface LookupJoinOptions {
  readonly site: FunctionSite;
  /** "left": rows for which nothing is found leave with nulls. */
  readonly type: "inner" | "left";
  /** Key columns of the input. One gives keys that are its values, several give objects of them. */
  readonly keys: readonly string[];
  readonly output: Schema;
  /** Columns of the output that come from the rows found, with the names that they have there. */
  readonly found: readonly { readonly name: string; readonly column: string }[];
  /** Keys that one call asks for at most; default 100. */
  readonly batchSize?: number;
  readonly cache?: LookupCacheOptions;
  readonly isOrdered?: boolean;
  /** Rows that wait for an answer at one time; default ten calls. */
  readonly capacity?: number;
  readonly timeoutMs?: number;
  /** Of a call. */
  readonly retry?: AsyncRetry;
}

const DEFAULT_BATCH_SIZE = 100;

/**
 * Joins each row with the rows that a function finds for its key, outside: in a database or a service. A row with a null
 * in its key matches nothing.
 * Input:     any columns, inserts only.
 * Output:    the input's columns and those of the rows found, with the event time of the row.
 * State:     that of AsyncMap; the cache is no state.
 * Watermark: travels on once the results of all rows before it have.
 * Late rows: like any other row.
 * Errors:    those of AsyncMap; LOOKUP_ANSWERS_INVALID.
 */
export class LookupJoin extends AsyncMap {
  readonly #start: (context: OperatorContext) => void;

  /** @throws {PlanError} ASYNC_OPTION_INVALID */
  constructor(given: LookupFunction | LookupRichFunction, input: Schema, options: LookupJoinOptions) {
    const { batchSize = DEFAULT_BATCH_SIZE, site, output, keys, found, type, cache, retry } = options;
    checkSize(site, "batchSize", batchSize);
    if (cache !== undefined) checkSize(site, "cache.maxRows", cache.maxRows);
    if (cache?.ttlMs !== undefined) checkSize(site, "cache.ttlMs", cache.ttlMs);
    const life: FunctionLife = typeof given === "function" ? {} : given;
    const lookup: LookupFunction = typeof given === "function" ? given : given.lookup.bind(given);
    const where = siteText(site);
    let lookups: Lookups | undefined;
    const shape = new LookedUpRow(input, keys, found, type === "left");
    const asyncInvoke = (row: Row, { runtime }: { runtime: RuntimeContext }): Promise<AsyncResult> | AsyncResult => {
      const key = shape.keyOf(row);
      const rows = key === undefined ? [] : (lookups?.find(key, runtime) ?? []);
      return rows instanceof Promise ? rows.then((each) => shape.rows(row, each)) : shape.rows(row, rows);
    };
    super(
      {
        asyncInvoke,
        open: (context) => life.open?.(context),
        close: () => {
          lookups?.close();
          life.close?.();
        },
      },
      input,
      {
        site,
        shape: { schema: output },
        isOrdered: options.isOrdered ?? true,
        capacity: options.capacity ?? batchSize * 10,
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      },
    );
    checkRetry(site, retry);
    this.#start = (context) => {
      lookups = new Lookups(lookup, context, {
        where,
        batchSize,
        ...(cache === undefined ? {} : { cache }),
        ...(retry === undefined ? {} : { retry }),
      });
    };
  }

  override open(context: OperatorContext): void {
    this.#start(context);
    super.open(context);
  }
}

/** Puts rows together with what was found for them. */
class LookedUpRow {
  readonly #names: readonly string[];
  readonly #keys: readonly string[];
  readonly #found: LookupJoinOptions["found"];
  readonly #keepsUnmatched: boolean;

  constructor(input: Schema, keys: readonly string[], found: LookupJoinOptions["found"], keepsUnmatched: boolean) {
    this.#names = input.names;
    this.#keys = keys;
    this.#found = found;
    this.#keepsUnmatched = keepsUnmatched;
  }

  /** Undefined where it has a null. */
  keyOf(row: Row): unknown {
    const values = row as Readonly<Record<string, unknown>>;
    if (this.#keys.some((name) => values[name] === null)) return undefined;
    if (this.#keys.length === 1) return values[this.#keys[0]];
    return Object.fromEntries(this.#keys.map((name) => [name, values[name]]));
  }

  rows(row: Row, found: readonly object[]): readonly object[] {
    if (found.length === 0) return this.#keepsUnmatched ? [this.#row(row, {})] : [];
    return found.map((each) => this.#row(row, each));
  }

  #row(row: Row, found: object): object {
    const left = row as Readonly<Record<string, unknown>>;
    const right = found as Readonly<Record<string, unknown>>;
    const joined: Record<string, unknown> = {};
    for (const name of this.#names) joined[name] = left[name];
    for (const { name, column } of this.#found) joined[name] = right[column] ?? null;
    return joined;
  }
}

function checkSize({ name }: FunctionSite, option: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new PlanError("ASYNC_OPTION_INVALID", `${name} has ${option} ${value}.`, "Give a number of 1 or more.");
}

function checkRetry({ name }: FunctionSite, retry: AsyncRetry | undefined): void {
  if (retry === undefined || (retry.attempts >= 1 && retry.delayMs >= 0)) return;
  throw new PlanError(
    "ASYNC_OPTION_INVALID",
    `${name} has retry ${JSON.stringify(retry)}.`,
    "Give attempts of 1 or more, and a delayMs of 0 or more.",
  );
}
