import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { duckdb } from "../support/duckdb.ts";
import { testDirectory } from "../support/temporary-directory.ts";

const MIB = 1024 * 1024;
const ROWS = 24_000_000;
const folder = testDirectory();
const file = join(folder.path, "large.parquet");

beforeAll(async () => {
  const input = `SELECT (i * 7919 % ${ROWS})::BIGINT AS id, (i * 104729 % 1000003) / 8.0 AS x,
    md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS s FROM range(${ROWS}) t(i)`;
  await duckdb(`COPY (${input}) TO '${file}' (FORMAT parquet, COMPRESSION snappy)`);
  expect(statSync(file).size).toBeGreaterThan(1024 * MIB);
}, 600_000);

const jobs = {
  aggregate: `const groups = input.groupBy("id").aggregate({ n: count(), s: max("s") });
    const [row] = await groups.aggregate({ groups: count(), n: sum("n") }).collect();
    console.log(String(row.groups), String(row.n));`,
  sort: `let [n, disorder, previous] = [0, 0, -Infinity];
    for await (const batch of input.orderBy("x").batches()) {
      const { values } = batch.getChild("x").data[0];
      for (let row = 0; row < batch.numRows; row++) {
        if (values[row] < previous) disorder++;
        previous = values[row];
      }
      n += batch.numRows;
    }
    console.log(String(n), String(n - disorder));`,
};

describe.each([1, 2])("a file of 1 GiB in 256 MiB on %i threads", (parallelism) => {
  it.each(Object.entries(jobs))("is no obstacle to: %s", (_, job) => {
    const script = join(folder.path, "job.mjs");
    writeFileSync(
      script,
      `import { count, ExecutionEnvironment, max, sum } from ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
       const env = ExecutionEnvironment.create({ parallelism: ${parallelism}, memoryBytes: ${256 * MIB} });
       const input = env.readParquet(${JSON.stringify(file)});
       ${job}
       console.log(process.resourceUsage().maxRSS);`,
    );
    const { stdout, stderr } = spawnSync(process.execPath, [script], { timeout: 580_000 });
    expect(stderr.toString()).toBe("");
    const [answer, peakKib] = stdout.toString().trim().split("\n");
    expect(answer).toBe(`${ROWS} ${ROWS}`);
    expect(Number(peakKib) / 1024).toBeLessThan(600);
    expect(folder.leftovers()).toEqual([]);
  });
});
