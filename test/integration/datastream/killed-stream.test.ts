import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { withDirectory } from "../../support/host.ts";

const ENTRY = new URL("../../../dist/index.js", import.meta.url).href;
const ROWS = 6000;
const KEYS = 7;
const KILLS = 6;

/** A running sum per key into rolling files: position of the source, state and output have to agree. */
const job = (directory: string) => `
import { Schema, StreamExecutionEnvironment, types, valueState } from ${JSON.stringify(ENTRY)};
const env = StreamExecutionEnvironment.create().enableCheckpointing(20, { directory: ${JSON.stringify(join(directory, "checkpoints"))} });
const total = valueState("total", types.int64);
env
  .fromGenerator((n) => ({ n, key: n % ${KEYS} }), { count: ${ROWS}, rowsPerSecond: 2000 })
  .uid("numbers")
  .keyBy("key")
  .process(
    {
      processElement({ n, key }, { state }, out) {
        const sum = (state(total).get() ?? 0n) + BigInt(n);
        state(total).set(sum);
        out.collect({ n: BigInt(n), key: BigInt(key), sum });
      },
    },
    { schema: Schema.of({ n: types.int64, key: types.int64, sum: types.int64 }) },
  )
  .uid("sums")
  .writeToFiles(${JSON.stringify(join(directory, "out"))}, { format: "json", roll: { rows: 500 }, uid: "files" });
await env.execute();
`;

interface Row {
  readonly n: number;
  readonly key: number;
  readonly sum: number;
}

/** What has a name that a reader would take. */
function visible(directory: string): Row[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => !name.startsWith(".") && !name.startsWith("_"))
    .flatMap((name) => readFileSync(join(directory, name), "utf8").trimEnd().split("\n"))
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);
}

it(
  "a process that is killed and started again writes what an undisturbed one does",
  () =>
    withDirectory(async (directory) => {
      const path = join(directory, "job.mjs");
      const out = join(directory, "out");
      writeFileSync(path, job(directory));
      const run = () => spawn(process.execPath, [path], { stdio: ["ignore", "ignore", "inherit"] });
      let seen = 0;
      let killed = 0;
      for (let attempt = 0; ; attempt++) {
        expect(attempt).toBeLessThan(KILLS + 2);
        const child = run();
        const ended = once(child, "exit");
        if (killed < KILLS) {
          // Far enough to have added something, and then at any moment.
          for (let i = 0; i < 400 && visible(out).length <= seen && child.exitCode === null; i++) await sleep(10);
          await sleep((attempt * 37) % 50);
          child.kill("SIGKILL");
        }
        const [code, signal] = await ended;
        const rows = visible(out);
        expect(new Set(rows.map(({ n }) => n)).size).toBe(rows.length);
        expect(rows.length).toBeGreaterThanOrEqual(seen);
        seen = rows.length;
        if (signal === null) {
          expect(code).toBe(0);
          break;
        }
        killed++;
      }
      expect(killed).toBeGreaterThan(2);
      const sums = Array.from({ length: KEYS }, () => 0);
      const expected = Array.from({ length: ROWS }, (_, n) => {
        sums[n % KEYS] += n;
        return { n, key: n % KEYS, sum: sums[n % KEYS] };
      });
      expect(visible(out).sort((a, b) => a.n - b.n)).toEqual(expected);

      // A job that has come to its end does nothing when it is started again.
      expect(await once(run(), "exit")).toEqual([0, null]);
      expect(visible(out).length).toBe(ROWS);
    }),
  120_000,
);
