import fc from "fast-check";
import { listState, mapState, types } from "../../../src/index.ts";
import { big, byKey, type DagStep, type Event, events, idOfTime } from "./events.ts";

// Functions with state and timers. Rows of a key come in any order within the bound, so that what these give depends
// only on what event time says: they look at their state when a timer tells that it is complete.

const schema = events;
const bucketEnd = (t: number, size: number): number => Math.floor(t / size) * size + size - 1;

/** Sums per key and bucket of time, by a timer at the end of each. */
function bucketSums(rows: readonly Event[], size: number): Event[] {
  return [...byKey(rows)].flatMap(([k, group]) => {
    const sums = new Map<number, number>();
    for (const { v, t } of group) sums.set(bucketEnd(t, size), (sums.get(bucketEnd(t, size)) ?? 0) + v);
    return [...sums].map(([t, v]) => ({ id: 1, k, v, t }));
  });
}

const sums = mapState("sums", types.int64, types.int64);
const size = fc.integer({ min: 1, max: 25 });

const buckets = fc.record({ size }).map(
  (p): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.keyBy("k").process(sum per ${p.size} ms, by timers)`,
    meaning: ([rows]) => bucketSums(rows, p.size),
    build: ([s], at) =>
      at(
        s.keyBy("k").process(
          {
            processElement({ v }, { state, timers, timestampMs }) {
              const end = bucketEnd(timestampMs, p.size);
              const all = state(sums);
              all.set(BigInt(end), (all.get(BigInt(end)) ?? 0n) + big(v));
              timers.registerEventTime(end);
            },
            onTimer(timeMs, { key, state }, out) {
              const all = state(sums);
              out.collect({ id: 1n, k: key as string | null, v: all.get(BigInt(timeMs)), t: BigInt(timeMs) });
              all.delete(BigInt(timeMs));
            },
          },
          { schema },
        ),
      ),
  }),
);

const times = listState("times", types.int64);

/** Tells when nothing has come for a key for so long. */
const silence = fc.record({ gap: fc.integer({ min: 1, max: 15 }) }).map(
  ({ gap }): DagStep => ({
    inputs: 1,
    text: ([s]) => `${s}.keyBy("k").process(no row for ${gap} ms)`,
    meaning: ([rows]) =>
      [...byKey(rows)].flatMap(([k, group]) =>
        [...new Set(group.map(({ t }) => t))]
          .filter((t) => !group.some((other) => other.t > t && other.t <= t + gap))
          .map((t) => ({ id: idOfTime(t), k, v: group.filter((other) => other.t <= t + gap).length, t: t + gap })),
      ),
    build: ([s], at) =>
      at(
        s.keyBy("k").process(
          {
            processElement(_, { state, timers, timestampMs }) {
              state(times).add(BigInt(timestampMs));
              timers.registerEventTime(timestampMs + gap);
            },
            onTimer(timeMs, { key, state }, out) {
              const known = state(times)
                .get()
                .map((t) => Number(t))
                .filter((t) => t <= timeMs);
              if (known.some((t) => t > timeMs - gap)) return;
              out.collect({
                id: BigInt(idOfTime(timeMs - gap)),
                k: key as string | null,
                v: BigInt(known.length),
                t: BigInt(timeMs),
              });
            },
          },
          { schema },
        ),
      ),
  }),
);

/** Two streams share the state of a key: the first adds, the second takes away. */
const balance = fc.record({ size }).map(
  (p): DagStep => ({
    inputs: 2,
    text: ([a, b]) => `${a}.keyBy("k").connect(${b}.keyBy("k")).process(balance per ${p.size} ms, by timers)`,
    meaning: ([a, b]) => bucketSums([...a, ...b.map((row) => ({ ...row, v: -row.v }))], p.size),
    build: ([a, b], at) => {
      const add = (v: bigint, { state, timers, timestampMs }: Parameters<typeof process.processElement1>[1]): void => {
        const end = bucketEnd(timestampMs, p.size);
        const all = state(sums);
        all.set(BigInt(end), (all.get(BigInt(end)) ?? 0n) + v);
        timers.registerEventTime(end);
      };
      const process: import("../../../src/index.ts").KeyedCoProcessFunction<
        string | null,
        import("./events.ts").EventRow,
        import("./events.ts").EventRow,
        import("./events.ts").EventRow
      > = {
        processElement1: ({ v }, context) => add(big(v), context),
        processElement2: ({ v }, context) => add(-big(v), context),
        onTimer(timeMs, { key, state }, out) {
          const all = state(sums);
          out.collect({ id: 1n, k: key, v: all.get(BigInt(timeMs)), t: BigInt(timeMs) });
          all.delete(BigInt(timeMs));
        },
      };
      return at(
        a
          .keyBy("k")
          .connect(b.keyBy("k"))
          .process(process as never, { schema }),
      ) as never;
    },
  }),
);

const prices = mapState("prices", types.int64, types.int64);

/** Each row waits for the end of its bucket, and gets the sum of all broadcast rows up to there. */
const broadcastState = fc.record({ size }).map(
  (p): DagStep => ({
    inputs: 2,
    text: ([a, b]) =>
      `${a}.keyBy("k").connectBroadcast(${b}).process(rows + broadcast sums per ${p.size} ms, by timers)`,
    meaning: ([a, b]) =>
      bucketSums(a, p.size).map((row) => ({
        ...row,
        v: row.v + b.filter(({ t }) => t <= row.t).reduce((total, { v }) => total + v, 0),
      })),
    build: ([a, b], at) =>
      at(
        a
          .keyBy("k")
          .connectBroadcast(b)
          .process(
            {
              processElement({ v }, { state, timers, timestampMs }) {
                const end = bucketEnd(timestampMs, p.size);
                const all = state(sums);
                all.set(BigInt(end), (all.get(BigInt(end)) ?? 0n) + big(v));
                timers.registerEventTime(end);
              },
              processBroadcastElement({ v }, { broadcastState: access, timestampMs }) {
                const known = access(prices);
                known.set(BigInt(timestampMs), (known.get(BigInt(timestampMs)) ?? 0n) + big(v));
              },
              onTimer(timeMs, { key, state, broadcastState: access }, out) {
                let total = state(sums).get(BigInt(timeMs)) ?? 0n;
                for (const [t, v] of access(prices).entries()) if (t <= BigInt(timeMs)) total += v ?? 0n;
                out.collect({ id: 1n, k: key as string | null, v: total, t: BigInt(timeMs) });
              },
            },
            { schema },
          ),
      ),
  }),
);

export const anyProcessStep: fc.Arbitrary<DagStep> = fc.oneof(buckets, silence, balance, broadcastState);
