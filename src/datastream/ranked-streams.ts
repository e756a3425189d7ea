import { callSite } from "../api/call-site.ts";
import { checkedOptions } from "../api/options.ts";
import { type Ordering, orderKey } from "../api/ordering.ts";
import type { Names } from "../api/selected-fields.ts";
import { PlanError } from "../core/errors.ts";
import type { RankKey } from "../core/operators/ranked-rows.ts";
import type { Fields, SimpleType } from "../core/types.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";
import { DataStream } from "./data-stream.ts";
import { KeyedStream } from "./keyed-stream.ts";
import { operatorNode } from "./nodes.ts";

/** The columns of ranked rows, with that of their ranks. */
export type RankedFields<F extends Fields, O> = O extends { readonly rank: infer N extends string }
  ? F & { readonly [K in N]: SimpleType<"int64"> }
  : F;

export interface TopNOptions<N extends string = string> {
  /** Name of a column behind the others with the place of the row, from 1 on. */
  readonly rank: N;
}

export interface DeduplicateOptions {
  /** Which row of a key stays. */
  readonly keep: "first" | "last";
  /** Whether the order of arrival or event time says which one is first; default "arrival". */
  readonly by?: "arrival" | "eventTime";
}

declare module "./keyed-stream.ts" {
  interface KeyedStream<F extends Fields, K extends string> {
    /**
     * The first `n` rows of each key in an order, as a changelog: a row that others displace is taken back. Of rows that
     * are equal in the order, those rank first that came first. Keeps n rows per key; in batch mode gives the final rows
     * alone.
     *
     * With `rank`, rows that move to another place are updated: without it there is less to tell.
     * @throws {PlanError} LIMIT_INVALID, COLUMN_UNKNOWN, COLUMN_DUPLICATE, SORT_KEYS_EMPTY, SORT_KEY_UNSUPPORTED, UPDATES_NOT_ACCEPTED
     * @example bids.keyBy("auction").topN(10, desc("price"), asc("dateTime"))
     * @example bids.keyBy("auction").topN(10, desc("price"), { rank: "place" })
     */
    topN(n: number, ...order: [RankOrder<F>, ...RankOrder<F>[]]): DataStream<F>;
    topN<const R extends string>(
      n: number,
      ...order: [RankOrder<F>, ...RankOrder<F>[], TopNOptions<R>]
    ): DataStream<RankedFields<F, { readonly rank: R }>>;

    /**
     * One row per key. `keep: "first"` by arrival lets the first row of a key pass and drops all others: it gives no
     * changes, and event times stay. `keep: "last"`, and both by event time, give a changelog of one row per key, in which
     * a better row replaces the one before; in batch mode the final rows alone. Of rows of one event time, the one that
     * came first is the first, and the one that came last is the last.
     * @throws {PlanError} OPTION_INVALID, UPDATES_NOT_ACCEPTED
     * @example events.keyBy("eventId").deduplicate({ keep: "first" })
     * @example positions.keyBy("carId").deduplicate({ keep: "last", by: "eventTime" })
     */
    deduplicate(options: DeduplicateOptions): DataStream<F>;
  }
}

/** What rows are ordered by: a column, or a column with a direction. */
type RankOrder<F extends Fields> = Names<F> | Ordering<Names<F>>;

KeyedStream.prototype.topN = function topN(
  this: KeyedStream<Fields, string>,
  n: number,
  ...given: (string | Ordering | TopNOptions)[]
) {
  const last = given.at(-1);
  const hasOptions = typeof last === "object" && last !== null && !("column" in last) && !("expression" in last);
  const options = hasOptions ? checkedOptions("topN", last as TopNOptions, ["rank"]) : undefined;
  const order = (hasOptions ? given.slice(0, -1) : given).map((key) => orderKey(key as string | Ordering));
  if (order.length === 0) {
    throw new PlanError(
      "SORT_KEYS_EMPTY",
      "topN was given nothing to order by.",
      'Give a column, such as desc("price").',
    );
  }
  const rank = options?.rank;
  if (options !== undefined && typeof rank !== "string") {
    throw new PlanError("OPTION_INVALID", `topN was given the rank column ${String(rank)}.`, "Give it a name.");
  }
  return ranked(this, `topN(${n})`, {
    kind: "rankedRows",
    keys: this.keys,
    order: order satisfies readonly RankKey[],
    count: n,
    ...(rank === undefined ? {} : { rankColumn: rank }),
  });
} as KeyedStream<Fields, string>["topN"];

KeyedStream.prototype.deduplicate = function deduplicate(
  this: KeyedStream<Fields, string>,
  options: DeduplicateOptions,
) {
  const { keep, by = "arrival" } = checkedOptions("deduplicate", options, ["keep", "by"]);
  const isValid = (keep === "first" || keep === "last") && (by === "arrival" || by === "eventTime");
  if (!isValid) {
    throw new PlanError(
      "OPTION_INVALID",
      `deduplicate was given keep: ${String(keep)}, by: ${String(by)}.`,
      'Give keep "first" or "last", and by "arrival" or "eventTime".',
    );
  }
  const { keys } = this;
  const name = `deduplicate(${keys.join(", ")})`;
  const isLast = keep === "last";
  if (!isLast && by === "arrival") return ranked(this, name, { kind: "firstRows", keys }, false);
  const order: readonly RankKey[] = by === "arrival" ? [] : [{ descending: isLast }];
  return ranked(this, name, { kind: "rankedRows", keys, order, count: 1, prefersLater: isLast });
} as KeyedStream<Fields, string>["deduplicate"];

function ranked(
  stream: KeyedStream<Fields, string>,
  name: string,
  spec: { readonly kind: string; readonly [option: string]: unknown },
  emitsUpdates = true,
): DataStream {
  const site = callSite();
  const { keys } = stream;
  const plan = stream.plan.map(
    (node): StreamNode =>
      operatorNode(
        [{ node, route: { kind: "keyed", keys } }],
        { ...spec, name },
        { emitsUpdates, ...(site === undefined ? {} : { callSite: site }) },
      ),
  );
  return new DataStream(stream.context, plan);
}
