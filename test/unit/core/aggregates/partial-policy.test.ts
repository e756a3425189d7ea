import { expect, it } from "vitest";
import {
  PartialPolicy,
  type PartialPolicyOptions,
  type PartialStep,
} from "../../../../src/core/aggregates/partial-policy.ts";

const BATCH_ROWS = 8192;
const GROUP_BYTES = 100;

interface Outcome {
  /** How often a table was sent on. */
  emitted: number;
  passedRows: number;
  /** Groups of the largest table. */
  largestTable: number;
}

/** Runs the policy over the keys of `rows` rows, with tables that grow by doubling as real ones do. */
function run(rows: number, keyOf: (row: number) => number, options: PartialPolicyOptions = {}): Outcome {
  const policy = new PartialPolicy(options);
  const outcome: Outcome = { emitted: 0, passedRows: 0, largestTable: 0 };
  // The table that last held each key.
  const tableOf = new Int32Array(rows).fill(-1);
  let groups = 0;
  for (let first = 0; first < rows; first += BATCH_ROWS) {
    if (policy.isPassing) {
      policy.passed(BATCH_ROWS);
      outcome.passedRows += BATCH_ROWS;
      continue;
    }
    for (let row = first; row < Math.min(first + BATCH_ROWS, rows); row++) {
      const key = keyOf(row);
      if (tableOf[key] !== outcome.emitted) groups++;
      tableOf[key] = outcome.emitted;
    }
    outcome.largestTable = Math.max(outcome.largestTable, groups);
    const bytes = 2 ** Math.ceil(Math.log2(groups)) * GROUP_BYTES;
    const step: PartialStep = policy.grouped(BATCH_ROWS, groups, bytes);
    if (step === "keep") continue;
    outcome.emitted++;
    groups = 0;
  }
  return outcome;
}

/** Evenly spread and without order: row numbers through Stafford's mixer. */
const drawn = (keys: number) => (row: number) => {
  let x = Math.imul(row ^ (row >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return ((x ^ (x >>> 16)) >>> 0) % keys;
};

const rows = 2_000_000;

it.each([100, 50_000, 100_000, 200_000])("keeps all %d keys of an input that repeats them", (keys) => {
  for (const options of [{}, { expectedRows: rows }]) {
    const { emitted, passedRows } = run(rows, drawn(keys), options);
    expect({ emitted, passedRows }, JSON.stringify(options)).toEqual({ emitted: 0, passedRows: 0 });
  }
});

it("passes rows whose keys hardly repeat, and tries again once in a while", () => {
  const { passedRows, emitted, largestTable } = run(rows, (row) => row, { passedRows: 500_000 });
  expect(passedRows).toBeGreaterThan(rows * 0.7);
  expect(emitted).toBeGreaterThan(1);
  expect(largestTable).toBeLessThan(100_000);
});

it("weighs many keys by how often the rows to come will repeat them", () => {
  const keys = drawn(400_000);
  expect(run(rows, keys, { expectedRows: 600_000, passedRows: rows }).passedRows).toBeGreaterThan(rows * 0.9);
  expect(run(rows, keys, { expectedRows: 20_000_000 }).passedRows).toBe(0);
});

it("joins keys that come in runs in small tables", () => {
  const outcome = run(rows, (row) => Math.floor(row / 4));
  expect(outcome.passedRows).toBe(0);
  expect(outcome.emitted).toBeGreaterThan(4);
  expect(outcome.largestTable).toBeLessThan(200_000);
});

it("keeps no table larger than it may be", () => {
  const outcome = run(rows, drawn(200_000), { maximumBytes: 10_000_000, emittedShare: 1 });
  expect(outcome.emitted).toBeGreaterThan(1);
  expect(outcome.largestTable).toBeLessThan(150_000);
});

it("starts to group again when the keys begin to repeat", () => {
  const keys = (row: number) => (row < rows / 2 ? row : row % 1000);
  const { passedRows } = run(rows, keys, { passedRows: 100_000 });
  expect(passedRows).toBeGreaterThan(rows * 0.2);
  expect(passedRows).toBeLessThan(rows * 0.6);
});
