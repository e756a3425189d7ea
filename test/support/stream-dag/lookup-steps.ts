import fc from "fast-check";
import type { Host } from "../../../src/core/host.ts";
import { coalesce, col, Schema, types } from "../../../src/index.ts";
import { type DagStep, type Event, events, selected } from "./events.ts";

// Steps that look something up for each row: in the versions of another stream, or outside.

const schema = events;

/** Versions of one time and key are equal, so that it does not matter which of them came last. */
const versionOf = (t: number): number => ((t % 17) + 17) % 17;

const temporalJoin = fc.record({ type: fc.constantFrom("inner" as const, "left" as const) }).map(
  ({ type }): DagStep => ({
    inputs: 2,
    text: ([a, b]) => `${a}.keyBy("k").temporalJoin(${b}.withColumn("v", t mod 17).keyBy("k"), "${type}")`,
    meaning: ([a, b]) =>
      a.flatMap((row) => {
        const times = b.filter(({ k, t }) => k !== null && k === row.k && t <= row.t).map(({ t }) => t);
        if (times.length === 0) return type === "left" ? [{ ...row, v: row.v - 100 }] : [];
        return [{ ...row, v: row.v + versionOf(Math.max(...times)) }];
      }),
    build: ([a, b], at) => {
      const versions = selected(b, {
        id: col("id"),
        k: col("k"),
        v: col("t").mod(17n).add(17n).mod(17n),
        t: col("t"),
      });
      const joined = at(a.keyBy("k").temporalJoin(versions.keyBy("k"), { type }));
      const v = col("v").add(coalesce(col("v_right"), -100n));
      return selected(joined, { id: col("id"), k: col("k"), v, t: col("t") });
    },
  }),
);

const waited = (host: Host, ms: number): Promise<void> =>
  ms === 0 ? Promise.resolve() : new Promise((resolve) => void host.scheduler.after(ms, resolve));

/** Answers after a time of each row's own: some at the second attempt, some rows not at all, so that another stands in. */
const asyncMap = fc
  .record({
    ordered: fc.boolean(),
    capacity: fc.constantFrom(undefined, 1, 2, 5),
    slowMs: fc.constantFrom(0, 1, 9),
    fails: fc.boolean(),
    isSilent: fc.boolean(),
  })
  .map(({ ordered, capacity, slowMs, fails, isSilent }): DagStep => {
    const seed = ({ id, v }: { readonly id: unknown; readonly v: unknown }) => Math.abs(Number(id) + Number(v));
    const isMissing = (row: Event) => isSilent && seed(row) % 5 === 3;
    const answer = (row: Event): Event[] =>
      isMissing(row)
        ? [{ ...row, v: -1 }]
        : Array.from({ length: seed(row) % 4 === 2 ? 0 : 1 + (seed(row) % 2) }, (_, i) => ({ ...row, v: row.v + i }));
    const numbered = (row: { id: bigint | null; k: string | null; v: bigint | null; t: bigint | null }): Event => ({
      id: Number(row.id),
      k: row.k,
      v: Number(row.v),
      t: Number(row.t),
    });
    const rowsOf = (row: Event) =>
      answer(row).map(({ id, k, v, t }) => ({ id: BigInt(id), k, v: BigInt(v), t: BigInt(t) }));
    return {
      inputs: 1,
      text: ([s]) =>
        `${s}.asyncMap(row => 0 to 2 rows, ${JSON.stringify({ ordered, capacity, slowMs, fails, isSilent })})`,
      meaning: ([rows]) => rows.flatMap(answer),
      build: ([s], at, host) =>
        at(
          s.asyncMap(
            {
              async asyncInvoke(given, { attempt }) {
                const row = numbered(given);
                await waited(host, ((seed(row) * 7) % 3) * slowMs);
                if (isMissing(row)) await new Promise(() => undefined);
                if (fails && attempt === 1 && seed(row) % 3 === 0) throw new Error("not now");
                const found = rowsOf(row);
                return found.length === 0 ? null : found.length === 1 ? found[0] : found;
              },
              ...(isSilent ? { timeout: (given) => rowsOf(numbered(given)) } : {}),
            },
            {
              schema,
              ordered,
              ...(capacity === undefined ? {} : { capacity }),
              ...(isSilent ? { timeoutMs: 1000 } : {}),
              ...(fails ? { retry: { attempts: 2, delayMs: 3 } } : {}),
            },
          ),
        ) as never,
    };
  });

const WEIGHTS: Readonly<Record<string, readonly number[]>> = { a: [1, 2], b: [3], c: [] };
const weightsOf = (k: string | null): readonly number[] => (k === null ? [] : (WEIGHTS[k] ?? []));

const lookup = fc
  .record({
    type: fc.constantFrom("inner" as const, "left" as const),
    ordered: fc.boolean(),
    batchSize: fc.constantFrom(undefined, 1, 2),
    capacity: fc.constantFrom(undefined, 1, 3),
    cache: fc.constantFrom(undefined, { maxRows: 2 }, { maxRows: 10, ttlMs: 5 }, { maxRows: 1, missing: false }),
    slowMs: fc.constantFrom(0, 1, 9),
    fails: fc.boolean(),
  })
  .map(
    ({ type, ordered, batchSize, capacity, cache, slowMs, fails }): DagStep => ({
      inputs: 1,
      text: ([s]) =>
        `${s}.lookup("k", weights, ${JSON.stringify({ type, ordered, batchSize, capacity, cache, slowMs, fails })})`,
      meaning: ([rows]) =>
        rows.flatMap((row) => {
          const found = weightsOf(row.k);
          if (found.length === 0 && type === "left") return [{ ...row, v: row.v * 3 + 50 }];
          return found.map((weight) => ({ ...row, v: row.v * 3 + weight }));
        }),
      build: ([s], at, host) => {
        const found = s.lookup(
          "k",
          async (keys, { attempt }) => {
            await waited(host, keys.length * slowMs);
            if (fails && attempt === 1 && keys.includes("b")) throw new Error("not now");
            return keys.map((key) => {
              const rows = weightsOf(key).map((weight) => ({ weight: BigInt(weight) }));
              return rows.length === 1 ? rows[0] : rows.length === 0 && key === "d" ? null : rows;
            });
          },
          {
            schema: Schema.of({ weight: types.int64 }),
            type,
            ordered,
            ...(batchSize === undefined ? {} : { batchSize }),
            ...(capacity === undefined ? {} : { capacity }),
            ...(cache === undefined ? {} : { cache }),
            ...(fails ? { retry: { attempts: 2, delayMs: 3 } } : {}),
          },
        );
        const v = col("v")
          .mul(3n)
          .add(coalesce(col("weight"), 50n));
        return selected(at(found), { id: col("id"), k: col("k"), v, t: col("t") });
      },
    }),
  );

export const anyLookupStep: fc.Arbitrary<DagStep> = fc.oneof(temporalJoin, asyncMap, lookup);
