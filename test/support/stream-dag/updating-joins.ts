import fc from "fast-check";
import type { DataStream } from "../../../src/datastream/data-stream.ts";
import { coalesce, col, count, sum } from "../../../src/index.ts";
import { byKey, type DagEnd, type Event, type EventStream, rowText } from "./events.ts";

// Joins of all rows that two streams ever had, kept up to date: of rows, and of changelogs.

/** A side of the join: its rows, or the totals of each of their keys, which are taken back and given anew. */
interface Side {
  readonly text: string;
  meaning(rows: readonly Event[]): readonly { readonly k: string | null; readonly v: number; readonly n: number }[];
  build(stream: EventStream): DataStream;
}

const rowsThemselves: Side = {
  text: "",
  meaning: (rows) => rows.map(({ k, v, id }) => ({ k, v, n: id })),
  build: (s) => s.select({ k: col("k"), v: col("v"), n: col("id") }) as never as DataStream,
};
const totals: Side = {
  text: '.keyBy("k").aggregate(sum, count)',
  meaning: (rows) =>
    [...byKey(rows)].map(([k, group]) => ({ k, v: group.reduce((all, { v }) => all + v, 0), n: group.length })),
  build: (s) => s.keyBy("k").aggregate({ v: sum("v"), n: count() }) as never as DataStream,
};
const anySide = fc.constantFrom(rowsThemselves, rowsThemselves, totals);

export const anyUpdatingJoin: fc.Arbitrary<DagEnd> = fc
  .record({
    type: fc.constantFrom("inner", "left", "right", "full", "semi", "anti" as const),
    left: anySide,
    right: anySide,
    hasCondition: fc.boolean(),
    isCounted: fc.boolean(),
    /** So long that nothing expires: what it does to the state must change nothing. */
    ttl: fc.constantFrom(undefined, "processing" as const, "event" as const),
  })
  .map(({ type, left, right, hasCondition, isCounted, ttl: given }): DagEnd => {
    const hasRight = type !== "semi" && type !== "anti";
    // Rows of totals have no event time.
    const ttl = given === "event" && (left === totals || right === totals) ? "processing" : given;
    return {
      inputs: 2,
      text: ([a, b]) =>
        `${a}${left.text}.keyBy("k").join(${b}${right.text}.keyBy("k"), "${type}").updating(${hasCondition ? "v <= v_right" : ""}${ttl === undefined ? "" : `, ttl of ${ttl} time`})${isCounted ? '.keyBy("k").aggregate(count)' : ""}`,
      meaning: ([a, b]) => {
        const [l, r] = [left.meaning(a), right.meaning(b)];
        const isMatch = (x: (typeof l)[0], y: (typeof r)[0]) =>
          x.k !== null && x.k === y.k && (!hasCondition || x.v <= y.v);
        const lonely = l.filter((x) => !r.some((y) => isMatch(x, y)));
        const rows: { k: string | null; x: number; y: number }[] = [];
        const add = (x: (typeof l)[0] | undefined, y: (typeof r)[0] | undefined) =>
          rows.push({ k: (x ?? y)?.k ?? null, x: side(x), y: side(y) });
        if (type === "semi") for (const x of l) if (!lonely.includes(x)) add(x, undefined);
        if (type === "anti" || type === "left" || type === "full") for (const x of lonely) add(x, undefined);
        if (type === "right" || type === "full")
          for (const y of r) if (!l.some((x) => isMatch(x, y))) add(undefined, y);
        if (hasRight) for (const x of l) for (const y of r) if (isMatch(x, y)) add(x, y);
        if (!isCounted) return rows.map(rowText);
        return [...byKey(rows)].map(([k, group]) => rowText({ k, rows: group.length }));
      },
      build: ([a, b], at) => {
        const [l, r] = [left.build(a), right.build(b)] as never as [EventStream, EventStream];
        const condition = {
          ...(hasCondition ? { on: col("v").le(col("v_right")) } : {}),
          ...(ttl === undefined ? {} : { ttl: { ttlMs: 1e9, timeDomain: ttl } }),
        };
        const joined = at(
          l
            .keyBy("k")
            .join(r.keyBy("k"), { type })
            .updating(condition as never),
        ) as never as DataStream;
        const x = coalesce(col("v").mul(1000n).add(col("n")), -999_999n);
        const y = hasRight ? coalesce(col("v_right").mul(1000n).add(col("n_right")), -999_999n) : NONE;
        const sides = joined.select({ k: col("k"), x, y } as never) as never as EventStream;
        return (isCounted ? at(sides.keyBy("k").aggregate({ rows: count() })) : sides) as never as DataStream;
      },
    };
  });

const NONE = col("v").mul(0n).sub(999_999n);

function side(row: { readonly v: number; readonly n: number } | undefined): number {
  return row === undefined ? -999_999 : row.v * 1000 + row.n;
}
