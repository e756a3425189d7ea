import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { withDirectory } from "../support/host.ts";

const ENTRY = new URL("../../dist/index.js", import.meta.url).href;

/** A job that sorts more than its memory holds into a file. */
const job = (target: string, rows: number, parallelism: number) => `
import { col, ExecutionEnvironment } from ${JSON.stringify(ENTRY)};
const env = ExecutionEnvironment.create({ memoryBytes: 32 * 1024 * 1024, parallelism: ${parallelism} });
const sorted = env.sequence(0, ${rows}).select({ key: col("value").hash64() }).orderBy("key");
sorted.writeCsv(${JSON.stringify(target)}, { overwrite: "overwrite" });
env.sequence(0, ${rows}).writeCsv(${JSON.stringify(`${target}-copy`)}, { overwrite: "overwrite" });
await env.execute();
`;

function run(directory: string, script: string) {
  const path = join(directory, "job.mjs");
  writeFileSync(path, script);
  return spawn(process.execPath, [path], { env: { ...process.env, TMPDIR: directory }, stdio: "ignore" });
}

const spills = (directory: string) => readdirSync(directory).filter((name) => name.startsWith("millrace-spill-"));
const unfinished = (directory: string) => readdirSync(directory).filter((name) => name.includes(".writing-"));

describe.each([1, 2])("a job that is interrupted (parallelism %i)", (parallelism) => {
  it.each(["SIGKILL", "SIGINT"] as const)("by %s leaves nothing that the next one does not remove", (signal) =>
    withDirectory(async (directory) => {
      const target = join(directory, "out");
      const first = run(directory, job(target, 50_000_000, parallelism));
      const ended = once(first, "exit");
      for (let i = 0; i < 400 && (spills(directory).length === 0 || unfinished(directory).length < 2); i++) {
        await sleep(25);
      }
      expect(spills(directory).length).toBeGreaterThan(0);
      expect(unfinished(directory).length).toBe(2);
      first.kill(signal);
      // Nothing catches the signal: the process ends by it, as it would without the engine.
      expect(await ended).toEqual([null, signal]);

      const second = run(directory, job(target, 1000, parallelism));
      expect(await once(second, "exit")).toEqual([0, null]);
      expect(spills(directory)).toEqual([]);
      expect(unfinished(directory)).toEqual([]);
      expect(existsSync(target)).toBe(true);
    }),
  );
});
