import fc from "fast-check";
import {
  CountEvictor,
  CountTrigger,
  col,
  count,
  first,
  GlobalWindows,
  last,
  max,
  PurgingTrigger,
  sum,
} from "../../../src/index.ts";
import { big, byKey, type DagStep, type Event, type EventRow, events, selected } from "./events.ts";

// Steps whose rows depend on the order of arrival: they read a source of one split, whose rows of a key keep their order.

/** By key, so that each part is in the order of arrival. */
const perKey = (rows: readonly Event[], partOf: (group: readonly Event[], k: string | null) => Event[]): Event[] =>
  [...byKey(rows)].flatMap(([k, group]) => partOf(group, k));

const latest = (rows: readonly Event[]): number => Math.max(...rows.map(({ t }) => t));

interface Counted {
  readonly size: number;
  readonly slide: number;
}

const anyCounted: fc.Arbitrary<Counted> = fc
  .record({ size: fc.integer({ min: 1, max: 5 }), slide: fc.option(fc.integer({ min: 1, max: 4 })) })
  .map(({ size, slide }) => ({ size, slide: slide ?? size }));

/** The rows of each window of a key. */
const countedWindows = (group: readonly Event[], { size, slide }: Counted): Event[][] =>
  Array.from({ length: Math.floor(group.length / slide) }, (_, i) => {
    const end = (i + 1) * slide;
    return group.slice(Math.max(0, end - size), end);
  });

const countAggregate = fc.record({ counted: anyCounted, isGlobal: fc.boolean() }).map(
  ({ counted: { size, slide }, isGlobal }): DagStep => ({
    inputs: 1,
    needsOrder: true,
    text: ([s]) =>
      isGlobal
        ? `${s}.keyBy("k").window(global, ${size === slide ? `PurgingTrigger(CountTrigger(${size}))` : `CountTrigger(${slide}), CountEvictor(${size})`}).aggregate(sum, first, last, count)`
        : `${s}.keyBy("k").countWindow(${size}, ${slide}).aggregate(sum, first, last, count)`,
    meaning: ([rows]) =>
      perKey(rows, (group, k) =>
        countedWindows(group, { size, slide }).map((inside) => ({
          id: inside[0].id * 3 + (inside.at(-1)?.id ?? 0),
          k,
          v: inside.reduce((total, { v }) => total + v, 0) + inside.length,
          t: latest(inside),
        })),
      ),
    build: ([s], at) => {
      const keyed = s.keyBy("k");
      const globals = keyed.window(GlobalWindows.create());
      const windows = !isGlobal
        ? keyed.countWindow(size, slide)
        : size === slide
          ? globals.trigger(PurgingTrigger.of(CountTrigger.of(size)))
          : globals.trigger(CountTrigger.of(slide)).evictor(CountEvictor.of(size));
      const aggregates = { total: sum("v"), from: first("id"), to: last("id"), rows: count(), latest: max("t") };
      return selected(at(windows.aggregate(aggregates)), {
        id: col("from").mul(3n).add(col("to")),
        k: col("k"),
        v: col("total").add(col("rows")),
        t: col("latest"),
      });
    },
  }),
);

const row = (id: number, k: string | null, v: number, t: number): EventRow => ({
  id: BigInt(id),
  k,
  v: BigInt(v),
  t: BigInt(t),
});
export const idsOf = (ids: readonly number[]): number => ids.reduce((all, id) => (all * 7 + id) % 1_000_003, 1);

const countFunction = fc.record({ counted: anyCounted, isReduce: fc.boolean() }).map(
  ({ counted: { size, slide }, isReduce }): DagStep => ({
    inputs: 1,
    needsOrder: true,
    text: ([s]) =>
      `${s}.keyBy("k").countWindow(${size}, ${slide}).${isReduce ? "reduce(digits of ids)" : "process(ids in order)"}`,
    meaning: ([rows]) =>
      perKey(rows, (group, k) =>
        countedWindows(group, { size, slide }).map((inside) => ({
          id: idsOf(inside.map(({ id }) => id)),
          k,
          v: inside.length,
          t: latest(inside),
        })),
      ),
    build: ([s], at) => {
      const windows = s.keyBy("k").countWindow(size, slide);
      if (!isReduce) {
        const process = (k: string | null, _: unknown, rows: readonly EventRow[]) => {
          const times = rows.map(({ t }) => Number(t));
          return [row(idsOf(rows.map(({ id }) => Number(id))), k, rows.length, Math.max(...times))];
        };
        return at(windows.process(process, { schema: events }));
      }
      const ready = s.map(({ id, k, t }) => ({ id: BigInt(idsOf([Number(id)])), k, v: 1n, t }), { schema: events });
      const reduced = (ready as never as typeof s)
        .keyBy("k")
        .countWindow(size, slide)
        .reduce((left, right) => ({
          // The right one is 7 + id, as `ready` made it.
          id: (big(left.id) * 7n + big(right.id) - 7n) % 1_000_003n,
          k: left.k,
          v: big(left.v) + big(right.v),
          t: big(left.t) > big(right.t) ? left.t : right.t,
        }));
      return at(reduced);
    },
  }),
);

const anyTtl = fc.constantFrom(undefined, undefined, 1, 10, 30);
const ttlOf = (ttlMs: number | undefined) =>
  ttlMs === undefined ? {} : { ttl: { ttlMs, timeDomain: "event" as const } };
const ttlText = (ttlMs: number | undefined): string => (ttlMs === undefined ? "" : `, ttl: ${ttlMs}`);

/** Whether each row of a key begins it anew: as it comes so long behind all those before it. */
function beginnings(group: readonly Event[], ttlMs: number | undefined, isBatch: boolean): boolean[] {
  let last = Number.NEGATIVE_INFINITY;
  return group.map(({ t }, i) => {
    const begins = i === 0 || (ttlMs !== undefined && !isBatch && t >= last + ttlMs);
    last = begins ? t : Math.max(last, t);
    return begins;
  });
}

const rolling = anyTtl.map(
  (ttlMs): DagStep => ({
    inputs: 1,
    needsOrder: true,
    text: ([s]) => `${s}.keyBy("k").reduce(sum of v, digits of ids${ttlText(ttlMs)})`,
    meaning: ([rows], isBatch) =>
      perKey(rows, (group) => {
        const begins = beginnings(group, ttlMs, isBatch);
        let [id, v] = [0, 0];
        const results = group.map((each, i) => {
          id = begins[i] ? each.id : (id * 7 + each.id) % 1_000_003;
          v = begins[i] ? each.v : v + each.v;
          return { ...each, id, v };
        });
        return isBatch ? results.slice(-1) : results;
      }),
    build: ([s], at) =>
      at(
        s.keyBy("k").reduce(
          (left, right) => ({
            ...right,
            id: (big(left.id) * 7n + big(right.id)) % 1_000_003n,
            v: big(left.v) + big(right.v),
          }),
          ttlOf(ttlMs),
        ),
      ),
  }),
);

const extreme = fc.record({ isMax: fc.boolean(), ttlMs: anyTtl }).map(
  ({ isMax, ttlMs }): DagStep => ({
    inputs: 1,
    needsOrder: true,
    text: ([s]) =>
      `${s}.keyBy("k").${isMax ? "maxBy" : "minBy"}("v"${ttlText(ttlMs)}).process(v + t, at the time of the row)`,
    meaning: ([rows], isBatch) =>
      perKey(rows, (group) => {
        const begins = beginnings(group, ttlMs, isBatch);
        let [best] = group;
        const results = group.map((each, i) => {
          if (begins[i] || (isMax ? each.v > best.v : each.v < best.v)) best = each;
          // The best row as it was, at the time of the one that came.
          return { ...best, v: best.v + best.t, t: each.t };
        });
        return isBatch ? results.slice(-1) : results;
      }),
    build: ([s], at) => {
      const keyed = s.keyBy("k");
      const best = at(isMax ? keyed.maxBy("v", ttlOf(ttlMs)) : keyed.minBy("v", ttlOf(ttlMs)));
      return at(
        best.process(
          {
            processElement({ id, k, v, t }, { timestampMs }, out) {
              out.collect({ id, k, v: big(v) + big(t), t: BigInt(timestampMs) });
            },
          },
          { schema: events },
        ),
      );
    },
  }),
);

const firstOfKey = fc.record({ ttlMs: fc.constantFrom(undefined, 1, 10, 30) }).map(
  ({ ttlMs }): DagStep => ({
    inputs: 1,
    needsOrder: true,
    text: ([s]) => `${s}.keyBy("k").deduplicate({ keep: "first"${ttlText(ttlMs)} })`,
    meaning: ([rows], isBatch) =>
      perKey(rows, (group) => {
        if (ttlMs === undefined || isBatch) return group.slice(0, 1);
        let last = Number.NEGATIVE_INFINITY;
        return group.filter(({ t }) => {
          const passes = t >= last + ttlMs;
          if (passes) last = t;
          return passes;
        });
      }),
    build: ([s], at) => {
      return at(s.keyBy("k").deduplicate({ keep: "first", ...ttlOf(ttlMs) }));
    },
  }),
);

export const anyArrivalStep: fc.Arbitrary<DagStep> = fc.oneof(
  countAggregate,
  countFunction,
  rolling,
  extreme,
  firstOfKey,
);
