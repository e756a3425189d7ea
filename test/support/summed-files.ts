import { expect } from "vitest";
import type { HostFiles } from "../../src/core/host.ts";
import { col, Schema, type StreamExecutionEnvironment, types, valueState } from "../../src/index.ts";
import { visibleLines } from "./visible-lines.ts";

const KEYS = 5;
const outOf = (region: number): string => (region === 0 ? "/data/out" : `/data/out-${region}`);
const total = valueState("total", types.int64);
const sums = Schema.of({ n: types.int64, sum: types.int64 });

/** A row of the output: the sum of its key up to it. */
export interface Summed {
  readonly n: number;
  readonly sum: number;
}

/**
 * A running sum per key, into files: state, a timer of the sink and the position of the source must agree.
 * `onRow` may throw. Of several in one job, each is a region of its own.
 */
export function sumIntoFiles(
  env: StreamExecutionEnvironment,
  { count, rollRows }: { readonly count: number; readonly rollRows: number },
  onRow: (n: number) => void = () => undefined,
  region = 0,
): void {
  const uid = (name: string): string => (region === 0 ? name : `${name} ${region}`);
  env
    .fromGenerator({ n: col("n"), key: col("n").mod(BigInt(KEYS)) }, { count, rowsPerSecond: 100, splitCount: 2 })
    .uid(uid("numbers"))
    .keyBy("key")
    .process(
      {
        processElement({ n }, { state }, out) {
          onRow(Number(n));
          const sum = (state(total).get() ?? 0n) + (n ?? 0n) + 1n;
          state(total).set(sum);
          out.collect({ n, sum });
        },
      },
      { schema: sums },
    )
    .uid(uid("sums"))
    .writeToFiles(outOf(region), { format: "json", roll: { rows: rollRows, ageMs: 300 }, uid: uid("files") });
}

/** What a reader of the files sees, in the order of n. */
export const seenSums = (files: HostFiles, region = 0): Summed[] =>
  Object.values(visibleLines(files, outOf(region)))
    .flat()
    .map((line) => JSON.parse(line) as Summed)
    .sort((a, b) => a.n - b.n);

/** Names that no reader takes. */
export const hiddenNames = (files: HostFiles, region = 0): string[] =>
  files.stat(outOf(region)) === undefined ? [] : files.list(outOf(region)).filter((name) => name.startsWith("."));

/** Every row once, with the sums of an undisturbed run. */
export function expectAllSums(written: readonly Summed[], count: number): void {
  expect(written.map(({ n }) => n)).toEqual(Array.from({ length: count }, (_, n) => n));
  for (let key = 0; key < KEYS; key++) {
    // Two splits may come in any order: the sums of a key are those of some order of its rows.
    const mine = written.filter(({ n }) => n % KEYS === key).sort((a, b) => a.sum - b.sum);
    let sum = 0;
    for (const row of mine) {
      sum += row.n + 1;
      expect(row.sum).toBe(sum);
    }
  }
}
