import fc from "fast-check";
import { LAST_EVENT_TIME_MS } from "../../../src/core/windows/window.ts";
import { col, GlobalWindows, lit } from "../../../src/index.ts";
import { big, type DagStep, type EventRow, type EventStream, events, ID_LIMIT, selected } from "./events.ts";
import { anyFiring, firingOf, ownBounds, ownWindows } from "./window-function-steps.ts";
import {
  type AnyWindow,
  anyWindow,
  cutBoth,
  functionSession,
  joinedRows,
  joinType,
  lastMs,
  paired,
} from "./window-steps.ts";

// Joins and co-groups whose windows look at single rows: triggers, evictors, windows of one's own and global ones.

const own = fc.constant(
  ownWindows({
    assignWindows: ({ row }: { readonly row: EventRow }, timeMs: number) => ownBounds(Number(row.v), timeMs),
  }),
);

/** All rows of a key, at the end of the input, or with the newest row where that is of a window which reaches behind it. */
const global = fc.constant<AnyWindow>({
  text: "global",
  assigner: GlobalWindows.create() as never,
  cut: (rows) => [
    { bounds: [Number.NEGATIVE_INFINITY, Math.max(LAST_EVENT_TIME_MS, ...rows.map(({ t }) => t)) + 1], rows },
  ],
});

const anyShared = fc
  .record({
    window: fc.oneof({ weight: 3, arbitrary: anyWindow }, functionSession, own, global),
    firing: anyFiring,
  })
  .map(({ window, firing }) => ({ window, firing: firingOf(window, firing) }))
  // What a count fires has the time of its newest row, which is any of those of the key.
  .filter(({ window, firing }) => !(window.text === "global" && firing.isCountOnly));

const optionsOf = ({ trigger, evictor }: (typeof anyShared extends fc.Arbitrary<infer S> ? S : never)["firing"]) => ({
  ...(trigger === undefined ? {} : { trigger }),
  ...(evictor === undefined ? {} : { evictor }),
});

/** Rows with their event time as `t`. */
const stamped = (rows: EventStream) =>
  rows.process(
    {
      processElement({ id, k, v }, { timestampMs }, out) {
        out.collect({ id, k, v, t: BigInt(timestampMs) });
      },
    },
    { schema: events },
  );

const coGroup = anyShared.map(
  ({ window, firing }): DagStep => ({
    inputs: 2,
    text: ([a, b]) =>
      `${a}.keyBy("k").coGroup(${b}.keyBy("k")).window(${window.text})${firing.text}.apply(${firing.isCountOnly ? "rows" : "sums of both"})`,
    meaning: (inputs) =>
      cutBoth(window, inputs, (rows) => firing.meaning(rows)).map(({ k, t, left, right }) => ({
        id: firing.isCountOnly ? 0 : left.reduce((all, { id }) => all + id, 0) % ID_LIMIT,
        k,
        v: firing.isCountOnly ? left.length + right.length : right.reduce((all, { v }) => all + v, 0) - left.length,
        t,
      })),
    build: ([a, b], at) => {
      const groups = a.keyBy("k").coGroup(b.keyBy("k")).window(window.assigner, optionsOf(firing));
      const grouped = groups.apply(
        ({ k }, left, right) => {
          const [l, r] = [[...left], [...right]];
          if (firing.isCountOnly) return [{ id: 0n, k, v: BigInt(l.length + r.length), t: 0n }];
          const id = l.reduce((all, row) => all + big(row.id), 0n) % BigInt(ID_LIMIT);
          return [{ id, k, v: r.reduce((all, { v }) => all + big(v), 0n) - BigInt(l.length), t: 0n }];
        },
        { schema: events },
      );
      return at(stamped(at(grouped) as never) as never) as never;
    },
  }),
);

const join = fc
  .record({ type: joinType, shared: anyShared.filter(({ firing }) => !firing.isCountOnly) })
  .map(({ type, shared: { window, firing } }): DagStep => {
    const isGlobal = window.text === "global";
    const t = isGlobal ? lit(0n) : lastMs;
    return {
      inputs: 2,
      text: ([a, b]) => `${a}.keyBy("k").join(${b}.keyBy("k"), "${type}").window(${window.text})${firing.text}`,
      meaning: (inputs) =>
        cutBoth(window, inputs, (rows) => firing.meaning(rows)).flatMap(({ t: timeMs, left, right }) =>
          joinedRows(type, left, right, timeMs),
        ),
      build: ([a, b], at) => {
        const joined = a.keyBy("k").join(b.keyBy("k"), { type }).window(window.assigner, optionsOf(firing));
        const placed = at(joined as never as EventStream);
        const rows =
          type !== "semi" && type !== "anti"
            ? paired(placed, t)
            : selected(placed, { id: col("id"), k: col("k"), v: col("v"), t });
        return isGlobal ? (at(stamped(rows) as never) as never) : rows;
      },
    };
  });

export const anySharedWindowStep: fc.Arbitrary<DagStep> = fc.oneof(coGroup, join);
