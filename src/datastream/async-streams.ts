import { callSite } from "../api/call-site.ts";
import { checkCallable } from "../api/check-function.ts";
import { checkedOptions } from "../api/options.ts";
import { PlanError } from "../core/errors.ts";
import { type AsyncContext, AsyncMap, type AsyncRetry } from "../core/operators/async-map.ts";
import type { RuntimeContext } from "../core/rows/runtime-context.ts";
import type { FunctionLife } from "../core/rows/user-function.ts";
import { type RowOf, Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { ANY } from "../plan/stream/stream-node.ts";
import { DataStream } from "./data-stream.ts";
import { operatorNode } from "./nodes.ts";
import { siteOf } from "./stream-functions.ts";

declare module "./data-stream.ts" {
  interface DataStream<F extends Fields> {
    /**
     * Asks something outside for each row, many rows at a time, and goes on with the answers: a row, several, or null
     * for none. Rows without an answer are part of checkpoints: a restored job asks for them again.
     * @throws {PlanError} FUNCTION_INVALID, SCHEMA_MISSING, ASYNC_OPTION_INVALID
     * @example
     * clicks.asyncMap(async ({ user }, { signal }) => ({ user, ...(await profileOf(user, { signal })) }), {
     *   schema: enriched, capacity: 50, timeoutMs: 2_000, retry: { attempts: 3, delayMs: 100, backoff: 2 },
     * })
     */
    asyncMap<O extends Fields>(fn: AsyncMapGiven<RowOf<F>, RowOf<O>>, options: AsyncStreamOptions<O>): DataStream<O>;
  }
}

/** What answers for a row. */
export type AsyncAnswer<R> = R | Iterable<R> | null | undefined;

type AsyncCall<T, R> = (row: T, context: AsyncContext) => Promise<AsyncAnswer<R>> | AsyncAnswer<R>;

/** A function, or an object that has it as `asyncInvoke`, with `open` and `close` and what stands in at a timeout. */
export type AsyncMapGiven<T, R> =
  | AsyncCall<T, R>
  | (FunctionLife & {
      asyncInvoke: AsyncCall<T, R>;
      timeout?(row: T, context: RuntimeContext): AsyncAnswer<R>;
    });

export interface AsyncStreamOptions<O extends Fields> {
  /** Columns of the answers. */
  readonly schema: Schema<O>;
  /** Whether answers keep the order of their rows (default), or come as they are there, between two watermarks. */
  readonly ordered?: boolean;
  /** Rows that are asked for at one time, in each subtask. Default 100. */
  readonly capacity?: number;
  /** For all attempts of a row together, in milliseconds; default: without end. */
  readonly timeoutMs?: number;
  readonly retry?: AsyncRetry;
  readonly name?: string;
}

const OPTIONS = ["schema", "ordered", "capacity", "timeoutMs", "retry", "name"];
const RETRY_OPTIONS = ["attempts", "delayMs", "backoff", "shouldRetry"];

DataStream.prototype.asyncMap = function asyncMap(this: DataStream, fn: never, options: AsyncStreamOptions<Fields>) {
  const given = checkedOptions("asyncMap", options ?? {}, OPTIONS);
  const { schema, ordered = true, name = "asyncMap", capacity, timeoutMs, retry } = given;
  checkCallable("asyncMap", fn, "asyncInvoke");
  if (!(schema instanceof Schema)) {
    throw new PlanError(
      "SCHEMA_MISSING",
      `The columns that ${name} gives are not declared.`,
      "Declare them with the option schema: answers from outside are not asked for before the job runs.",
    );
  }
  if (typeof ordered !== "boolean") {
    throw new PlanError("OPTION_INVALID", `ordered is ${String(ordered)}.`, "It is true or false.");
  }
  if (retry !== undefined) {
    const { shouldRetry } = checkedOptions("retry of asyncMap", retry, RETRY_OPTIONS);
    if (shouldRetry !== undefined) checkCallable("shouldRetry", shouldRetry);
  }
  const where = callSite();
  const site = siteOf(this.context, name, where);
  const limits = {
    ...(capacity === undefined ? {} : { capacity }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retry === undefined ? {} : { retry }),
  };
  const { plan, route = ANY } = this.routed;
  const asked = plan.map((node) =>
    operatorNode(
      [{ node, route }],
      {
        kind: "local",
        name,
        create: ([input]) => new AsyncMap(fn, input, { shape: { schema }, site, isOrdered: ordered, ...limits }),
      },
      where === undefined ? {} : { callSite: where },
    ),
  );
  return new DataStream(this.context, asked);
} as DataStream["asyncMap"];
