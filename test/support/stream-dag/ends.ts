import fc from "fast-check";
import type { DataStream } from "../../../src/datastream/data-stream.ts";
import { col, count, max, Schema, sum, types, valueState } from "../../../src/index.ts";
import { byKey, type DagEnd, rowText } from "./events.ts";

// Last steps: their rows depend on the order of arrival, their final rows, or what they are without times, do not.

const totals = fc.record({ isFiltered: fc.boolean(), isTwice: fc.boolean() }).map(
  ({ isFiltered, isTwice }): DagEnd => ({
    text: (s) =>
      `${s}.keyBy("k").aggregate(sum, count, max)${isFiltered ? ".filter(rows > 1)" : ""}${isTwice ? '.keyBy("rows").aggregate(sum, count)' : ""}`,
    meaning: (rows) => {
      const groups = [...byKey(rows)]
        .map(([k, group]) => ({
          k,
          total: group.reduce((all, { v }) => all + v, 0),
          rows: group.length,
          highest: Math.max(...group.map(({ v }) => v)),
        }))
        .filter((group) => !isFiltered || group.rows > 1);
      if (!isTwice) return groups.map(rowText);
      const again = new Map<number, { rows: number; total: number; keys: number }>();
      for (const { rows: n, total } of groups) {
        const before = again.get(n) ?? { rows: n, total: 0, keys: 0 };
        again.set(n, { rows: n, total: before.total + total, keys: before.keys + 1 });
      }
      return [...again.values()].map(rowText);
    },
    build: (s, at) => {
      const first = at(s.keyBy("k").aggregate({ total: sum("v"), rows: count(), highest: max("v") }));
      const kept = isFiltered ? first.filter(col("rows").gt(1n)) : first;
      const last = isTwice ? at(kept.keyBy("rows").aggregate({ total: sum("total"), keys: count() })) : kept;
      return last as never as DataStream;
    },
  }),
);

const seen = valueState("seen", types.int64);

const numbered = fc.constant<DagEnd>({
  text: (s) => `${s}.keyBy("k").process(number of the row among those of its key)`,
  meaning: (rows) => [...byKey(rows)].flatMap(([k, group]) => group.map((_, i) => rowText({ k, n: i + 1 }))),
  build: (s, at) =>
    at(
      s.keyBy("k").process(
        {
          processElement(_, { key, state }, out) {
            const n = (state(seen).get() ?? 0n) + 1n;
            state(seen).set(n);
            out.collect({ k: key as string | null, n });
          },
        },
        { schema: Schema.of({ k: types.utf8, n: types.int64 }) },
      ),
    ) as never as DataStream,
});

export const anyEnd: fc.Arbitrary<DagEnd> = fc.oneof(totals, numbered);
