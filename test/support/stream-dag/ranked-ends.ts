import fc from "fast-check";
import type { DataStream } from "../../../src/datastream/data-stream.ts";
import { coalesce, col, count, desc, lit, sum } from "../../../src/index.ts";
import { byKey, type DagEnd, type Event, type EventStream, rowText, selected } from "./events.ts";

// Ranks of rows that are taken back and of keys that expire, and versions that are joined as they come.

type Total = { readonly k: string | null; readonly total: number; readonly rows: number };

const totalsOf = (rows: readonly Event[]): Total[] =>
  [...byKey(rows)].map(([k, group]) => ({
    k,
    total: group.reduce((all, { v }) => all + v, 0),
    rows: group.length,
  }));
const totals = (s: EventStream) => s.keyBy("k").aggregate({ total: sum("v"), rows: count() });

/** Nulls last, as topN has them. */
const byName = (a: Total, b: Total): number =>
  a.k === b.k ? 0 : a.k === null ? 1 : b.k === null ? -1 : a.k < b.k ? -1 : 1;

const bestTotals = fc
  .record({ n: fc.integer({ min: 1, max: 3 }), ranks: fc.boolean(), isTimed: fc.boolean(), isSummed: fc.boolean() })
  .map(
    ({ n, ranks, isTimed, isSummed }): DagEnd => ({
      inputs: 1,
      text: ([s]) =>
        `${s}.keyBy("k").aggregate(sum, count).keyBy("rows").topN(${n}, desc("total"), "k"${ranks ? ', { rank: "place" }' : ""}${isTimed ? ", long ttl" : ""})${isSummed ? '.keyBy("rows").aggregate(sum, count)' : ""}`,
      meaning: ([rows]) => {
        const all = totalsOf(rows);
        return [...new Set(all.map((each) => each.rows))].flatMap((size) => {
          const best = all
            .filter((each) => each.rows === size)
            .toSorted((a, b) => b.total - a.total || byName(a, b))
            .slice(0, n);
          if (isSummed) {
            return [rowText({ rows: size, sum: best.reduce((sum, { total }) => sum + total, 0), n: best.length })];
          }
          return best.map((each, i) => rowText({ ...each, ...(ranks ? { place: i + 1 } : {}) }));
        });
      },
      build: ([s], at) => {
        const options = { ...(ranks ? { rank: "place" } : {}), ...(isTimed ? { ttl: { ttlMs: 1e9 } } : {}) };
        const best = at(totals(s).keyBy("rows").topN(n, desc("total"), "k", options) as never as DataStream);
        const summed = best as never as ReturnType<typeof totals>;
        return isSummed
          ? (at(summed.keyBy("rows").aggregate({ sum: sum("total"), n: count() })) as never as DataStream)
          : best;
      },
    }),
  );

/** Which of several totals stays depends on the order of arrival; of how many rows there are any does not. */
const someTotals = fc.record({ keep: fc.constantFrom("first" as const, "last" as const) }).map(
  ({ keep }): DagEnd => ({
    inputs: 1,
    text: ([s]) =>
      `${s}.keyBy("k").aggregate(sum, count).keyBy("rows").deduplicate({ keep: "${keep}" }).select("rows")`,
    meaning: ([rows]) => [...new Set(totalsOf(rows).map((each) => each.rows))].map((each) => rowText({ rows: each })),
    build: ([s], at) => at(totals(s).keyBy("rows").deduplicate({ keep })).select("rows") as never as DataStream,
  }),
);

/** Ranks of the rows of a key between two gaps: those before a gap stay. */
const bestBetweenGaps = fc
  .record({ n: fc.integer({ min: 1, max: 2 }), ttlMs: fc.constantFrom(1, 5, 20), isLast: fc.boolean() })
  .map(
    ({ n, ttlMs, isLast }): DagEnd => ({
      inputs: 1,
      needsOrder: true,
      text: ([s]) =>
        isLast
          ? `${s}.keyBy("k").deduplicate({ keep: "last", ttl: ${ttlMs} })`
          : `${s}.keyBy("k").topN(${n}, desc("v"), "id", { ttl: ${ttlMs} })`,
      meaning: ([rows], isBatch) =>
        [...byKey(rows).values()].flatMap((group) => {
          const parts: Event[][] = [];
          let renewed = Number.NEGATIVE_INFINITY;
          for (const row of group) {
            if (parts.length === 0 || (!isBatch && row.t >= renewed + ttlMs)) parts.push([]);
            parts.at(-1)?.push(row);
            renewed = Math.max(renewed, row.t);
          }
          return parts.flatMap((part) => {
            const best = isLast ? part.slice(-1) : part.toSorted((a, b) => b.v - a.v || a.id - b.id).slice(0, n);
            return best.map(({ id, k, v, t }) => rowText({ id, k, v, t }));
          });
        }),
      build: ([s], at) => {
        const ttl = { ttlMs, timeDomain: "event" } as const;
        const keyed = s.keyBy("k");
        const best = isLast ? keyed.deduplicate({ keep: "last", ttl }) : keyed.topN(n, desc("v"), "id", { ttl });
        return at(best) as never as DataStream;
      },
    }),
  );

/** Each row once, with the one version that its key ever has, or none that came before it. */
const newestVersion = fc.constant<DagEnd>({
  inputs: 2,
  text: ([a, b]) => `${a}.keyBy("k").temporalJoin(${b}.keyBy("k"), { time: "processing", type: "left" })`,
  meaning: ([rows]) => rows.map(({ id, k }) => rowText({ id, k, isRight: true })),
  build: ([a, b], at) => {
    const versions = selected(b, { id: col("id"), k: col("k"), v: lit(7n), t: col("t") });
    const joined = at(a.keyBy("k").temporalJoin(versions.keyBy("k"), { time: "processing", type: "left" }));
    const isRight = coalesce(col("v_right"), 7n).eq(7n);
    return (joined as never as DataStream).select({ id: col("id"), k: col("k"), isRight } as never);
  },
});

export const anyRankedEnd: fc.Arbitrary<DagEnd> = fc.oneof(bestTotals, someTotals, bestBetweenGaps, newestVersion);
