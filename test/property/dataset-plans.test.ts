import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ExecutionEnvironment } from "../../src/index.ts";
import { type Row, rowText, type Value } from "../reference/plan-rows.ts";
import { Choices } from "../support/choices.ts";
import { type Checked, schemaOf, step } from "../support/dataset-steps.ts";
import { collectCounted } from "../support/result-sink.ts";

const NAMES = ["i", "j", "l", "x", "s", "b"].map((name) => (name === "j" ? "i2" : name));
const VALUES: Readonly<Record<string, readonly Value[]>> = {
  i: [null, 0, 1, 2, 3, -1, 100_000],
  i2: [0, 1, 2, null],
  l: [null, 0n, 7n, -1n, 9_007_199_254_740_993n],
  x: [null, 0, -0, 1.5, -2.5, Number.NaN, Number.POSITIVE_INFINITY],
  s: [null, "", "a", "ab", "\uffff", "😀", "b".repeat(70)],
  b: [null, true, false],
};
const anyRow = fc.record(Object.fromEntries(NAMES.map((name) => [name, fc.constantFrom(...VALUES[name])])));

/** Rows of a table that is made once: few values for keys, more for the rest. */
const tableRows = (count: number): Row[] =>
  Array.from({ length: count }, (_, n) => ({
    i: n % 11 === 3 ? null : (n * 7919) % Math.max(5, count >> 2),
    i2: n % 3,
    l: n % 13 === 5 ? null : BigInt(n),
    x: n % 17 === 1 ? Number.NaN : ((n * 31) % 64) / 4,
    s: n % 7 === 6 ? null : `a${(n * 13) % 50}`.padEnd(n % 5 === 0 ? 40 : 2, "x"),
    b: n % 19 === 0 ? null : n % 2 === 0,
  }));
const SIZES = [0, 1, 40, 700, 3000];
const LARGE = "parquet 20000";

let folder: string;
const stored = new Map<string, { read: (env: ExecutionEnvironment) => Checked["data"]; rows: Row[] }>();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-plans-"));
  const env = ExecutionEnvironment.create({ parallelism: 1, batchRows: 512 });
  for (const size of [...SIZES, 20_000]) {
    const rows = tableRows(size);
    const data = env.fromRows(rows, schemaOf(NAMES));
    const file = join(folder, `${size}.parquet`);
    data.writeParquet(file, { rowGroupRows: 512 });
    await env.execute();
    const kept = await data.persist();
    stored.set(`rows ${size}`, { read: (other) => other.fromRows(rows, schemaOf(NAMES)), rows });
    stored.set(`parquet ${size}`, { read: (other) => other.readParquet(file), rows });
    // A persisted dataset belongs to the environment that made it; its plan does not.
    stored.set(`persisted ${size}`, { read: (other) => other.fromRows([], schemaOf(NAMES)).union(kept), rows });
  }
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await ExecutionEnvironment.shutdown();
});

const anyTable = fc.oneof(
  { weight: 3, arbitrary: fc.array(anyRow, { maxLength: 9, size: "max" }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...["rows", "parquet", "persisted"].flatMap((kind) => SIZES.map((size) => `${kind} ${size}`)),
    ),
  },
);
const anySteps = (most: number) =>
  fc.array(fc.array(fc.nat({ max: 59 }), { minLength: 1, maxLength: 12, size: "max" }), {
    minLength: 1,
    maxLength: most,
    size: "max",
  });

const MIB = 1024 * 1024;
const TIGHT_BYTES = 2.5 * MIB;
const environments = new Map<string, ExecutionEnvironment>();
function environment(parallelism: number, batchRows: number, memoryBytes: number): ExecutionEnvironment {
  const key = `${parallelism} ${batchRows} ${memoryBytes}`;
  let env = environments.get(key);
  if (env === undefined) {
    env = ExecutionEnvironment.create({ parallelism, batchRows, memoryBytes: Math.max(memoryBytes, 16 * MIB) });
    // Below what users may set, so that few rows already spill.
    if (memoryBytes === TIGHT_BYTES) Object.assign(env, { memoryBytes });
    environments.set(key, env);
  }
  return env;
}
const anyEnvironment = fc
  .tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(64, 8192, 3, 1), fc.constantFrom(16 * MIB, 512 * MIB))
  .map(([parallelism, batchRows, memoryBytes]) => ({ parallelism, batchRows, memoryBytes }));

const multiset = (rows: readonly Row[], names: readonly string[]) => rows.map((row) => rowText(row, names)).sort();

function sourceOf(env: ExecutionEnvironment, table: readonly Row[] | string): Checked {
  if (typeof table === "string") {
    const known = stored.get(table);
    if (known === undefined) throw new Error(`no table ${table}`);
    return { data: known.read(env), rows: known.rows, names: NAMES };
  }
  return { data: env.fromRows(table, schemaOf(NAMES)), rows: table, names: NAMES };
}

/** Any steps over the tables, in the environment, give the rows that they mean. Returns the counters of the job. */
async function expectRows(env: ExecutionEnvironment, tables: readonly (readonly Row[] | string)[], steps: number[][]) {
  let stack = tables.map((table) => sourceOf(env, table));
  for (const numbers of steps) stack = step(stack, new Choices(numbers));
  const [{ data, rows, names }] = stack;
  const { rows: found, counters } = await collectCounted(env, data);
  expect(multiset(found as Row[], names)).toEqual(multiset(rows, names));
  return counters;
}

it("gives the rows that a row interpreter gives, on any number of threads, in any batches", async () => {
  await fc.assert(
    fc.asyncProperty(
      anyEnvironment,
      fc.array(anyTable, { minLength: 1, maxLength: 3 }),
      anySteps(9),
      async ({ parallelism, batchRows, memoryBytes }, tables, steps) => {
        const isLarge = tables.some((table) => typeof table === "string" && / \d{3,}$/.test(table));
        const env = environment(parallelism, isLarge ? Math.max(64, batchRows) : batchRows, memoryBytes);
        await expectRows(env, tables, steps);
      },
    ),
    { numRuns: 300, interruptAfterTimeLimit: 100_000 },
  );
}, 240_000);

it("gives the rows that a row interpreter gives while it spills", async () => {
  let spilledJobs = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(2, 3), anySteps(4), async (parallelism, steps) => {
      const env = environment(parallelism, 1024, TIGHT_BYTES);
      // Whatever the steps are, all rows are sorted or grouped first.
      const first = steps[0][0] % 2 === 0 ? [0, 8] : [0, 7, 0];
      const counters = await expectRows(env, [LARGE, LARGE], [first, ...steps]);
      if ((counters.get("spilledBytes") ?? 0) > 0) spilledJobs++;
    }),
    { numRuns: 8, interruptAfterTimeLimit: 100_000 },
  );
  expect(spilledJobs).toBeGreaterThan(1);
}, 240_000);
