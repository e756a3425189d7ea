import { describe, expect, it } from "vitest";
import { FirstRowsOperator } from "../../../../src/core/operators/first-rows.ts";
import { RankedRowsOperator } from "../../../../src/core/operators/ranked-rows.ts";
import { UpdatingAggregateOperator } from "../../../../src/core/operators/updating-aggregate.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32 } from "../../../../src/core/types.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { fold } from "../../../support/stream-script.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, v: int32 });
const keys = ["k"];

type Ttl = { readonly ttl?: { readonly ttlMs: number; readonly timeDomain: "event" } };

const operators = {
  "an updating aggregate": (ttl: Ttl) => {
    const aggregates = [{ fn: "countAll", as: "count" }] as const;
    return new UpdatingAggregateOperator({ kind: "updatingAggregate", keys, aggregates, ...ttl }, SCHEMA);
  },
  "a ranking": (ttl: Ttl) =>
    new RankedRowsOperator({ kind: "rankedRows", keys, order: [{ column: "v" }], count: 9, ...ttl }, SCHEMA),
  "a ranking of a changelog": (ttl: Ttl) => {
    const spec = { kind: "rankedRows", keys, order: [], count: 1, isChangelogInput: true, ...ttl } as const;
    return new RankedRowsOperator(spec, SCHEMA);
  },
  "first rows": (ttl: Ttl) => new FirstRowsOperator({ kind: "firstRows", keys, ...ttl }, SCHEMA),
};

/** What is left behind each row of one key, the last of which finds it expired; the aggregate tells how many it counted. */
const left = {
  "an updating aggregate": [[1], [2], [3], [1, 3]],
  "a ranking": [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]],
  "a ranking of a changelog": [[0], [0], [0], [0, 3]],
  "first rows": [[0], [0], [0], [0, 3]],
};

describe("a time to live in event time that a program gets later", () => {
  it.each(Object.keys(operators) as (keyof typeof operators)[])("keeps what %s has kept till then", (name) =>
    withWorkspace((ws) => {
      let ttl: Ttl = {};
      const harness = new StreamHarness(ws, () => operators[name](ttl), [{ schema: SCHEMA, keys }]);
      const found = [100, 5000, 5009, 5019].map((timeMs, v) => {
        harness.rows(0, [{ k: 1, v }], { times: [timeMs] });
        if (v === 0) {
          ttl = { ttl: { ttlMs: 10, timeDomain: "event" } };
          harness.restart(2);
          // Kept as it was, over another restart too.
          harness.restart(1);
        }
        const numbers = fold(harness.emitted).map(({ count, v: own }) => Number(count ?? own));
        return numbers.sort((a, b) => a - b);
      });
      harness.close();
      expect(found).toEqual(left[name]);
    }),
  );
});
