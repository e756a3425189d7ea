import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { withDirectory } from "../../support/host.ts";

const SCRIPT = fileURLToPath(new URL("../../../scripts/demo-exactly-once.mjs", import.meta.url));

/** The demo with so many kills, in a process of its own that keeps its files below `directory`. */
function demo(directory: string, kills: number) {
  const child = spawn(process.execPath, [SCRIPT, "--kills", String(kills)], {
    env: { ...process.env, TMPDIR: directory },
  });
  let shown = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      shown += text;
    });
  }
  return { child, ended: once(child, "close"), shown: () => shown };
}

/** Waits until the first life has been killed. */
async function firstKill({ child, shown }: { child: ChildProcessWithoutNullStreams; shown: () => string }) {
  while (!shown().includes("✗  ") && child.exitCode === null) await once(child.stdout, "data");
}

const childrenOf = (pid: number): string[] =>
  execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent]) => parent === String(pid))
    .map(([child]) => child);

const journalOf = (directory: string): string => {
  const [demo] = readdirSync(directory).filter((name) => name.startsWith("millrace-demo-"));
  return join(directory, demo, "killed", "journal");
};

it(
  "the demo shows a job that is killed, and the same rows, and leaves no file",
  () =>
    withDirectory(async (directory) => {
      const { ended, shown } = demo(directory, 2);
      expect(await ended, shown()).toEqual([0, null]);
      // No terminal, no colours and no line that changes.
      for (const character of ["\u001b", "\r"]) expect(shown()).not.toContain(character);
      expect(shown().match(/●.*✗/g)?.length).toBe(3); // the words for it, and two kills
      const [journal, hours, ...again] = [...shown().matchAll(/(\w+) +([\d,]+) rows {2}sha256 (\w+)/g)].map(
        ([text]) => text,
      );
      expect(again).toEqual([journal, hours]);
      expect(shown()).toContain("Identical: ");
      expect(readdirSync(directory).filter((name) => name.startsWith("millrace-demo-"))).toEqual([]);
    }),
  300_000,
);

it(
  "an interrupted demo leaves neither files nor processes",
  () =>
    withDirectory(async (directory) => {
      const running = demo(directory, 20);
      await firstKill(running);
      const children = childrenOf(running.child.pid ?? 0);
      expect(children.length).toBeGreaterThan(0);
      running.child.kill("SIGINT");
      expect(await running.ended, running.shown()).toEqual([130, null]);
      expect(readdirSync(directory).filter((name) => name.startsWith("millrace-demo-"))).toEqual([]);
      // They have got their signal, and end when the machine comes to it.
      const alive = () => children.filter((pid) => existsSync(`/proc/${pid}`));
      await expect.poll(alive, { timeout: 30_000 }).toEqual([]);
    }),
  300_000,
);

it(
  "a demo whose output is another one says so, and fails",
  () =>
    withDirectory(async (directory) => {
      const running = demo(directory, 2);
      await firstKill(running);
      // No undisturbed run writes this row.
      writeFileSync(join(journalOf(directory), "part-of-nobody.json"), '{"kind":"report"}\n');
      expect(await running.ended, running.shown()).toEqual([1, null]);
      expect(running.shown()).toContain("NOT IDENTICAL");
    }),
  300_000,
);
