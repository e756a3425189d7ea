import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Host, HostFiles } from "../../src/core/host.ts";
import { Simulation } from "../../src/testing/simulation.ts";
import { readFile } from "../support/files-contract.ts";

const tapes = fc.array(fc.nat(63), { maxLength: 100, size: "max" });
const contents = fc.uint8Array({ minLength: 1, maxLength: 8, size: "max" });

/** What a program does to one file. */
type FileStep = { readonly do: "write"; readonly bytes: Uint8Array } | { readonly do: "sync" };
const fileSteps = fc.array<FileStep>(
  fc.oneof(fc.record({ do: fc.constant("write"), bytes: contents }), fc.record({ do: fc.constant("sync") })),
  { maxLength: 12, size: "max" },
);

const concat = (parts: readonly Uint8Array[]): number[] => parts.flatMap((part) => [...part]);

describe("the simulated disk", () => {
  it("keeps what was synced through every crash; of the rest, each byte is what was written, or lost", () =>
    fc.assert(
      fc.property(tapes, fileSteps, (tape, steps) => {
        const simulation = new Simulation({ tape });
        const file = simulation.host.files.openWrite("/f");
        simulation.host.files.syncDirectory("/");
        const written: Uint8Array[] = [];
        let syncedBytes = 0;
        for (const step of steps) {
          if (step.do === "write") {
            file.write(step.bytes);
            written.push(step.bytes);
          } else {
            file.sync();
            syncedBytes = concat(written).length;
          }
        }
        const all = concat(written);
        expect([...readFile(simulation.host.files, "/f")]).toEqual(all);
        simulation.crash();
        const left = [...readFile(simulation.host.files, "/f")];
        expect(left.length).toBeLessThanOrEqual(all.length);
        expect(left.slice(0, syncedBytes)).toEqual(all.slice(0, syncedBytes));
        for (const [at, byte] of left.entries()) expect([0, all[at]]).toContain(byte);
        // A second crash finds nothing that could still be lost.
        simulation.crash();
        expect([...readFile(simulation.host.files, "/f")]).toEqual(left);
      }),
    ));

  it("loses, keeps and tears: each of these happens on some tape", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(tapes, (tape) => {
        const simulation = new Simulation({ tape });
        const file = simulation.host.files.openWrite("/f");
        simulation.host.files.syncDirectory("/");
        file.write(Uint8Array.of(1, 2, 3));
        simulation.crash();
        seen.add([...readFile(simulation.host.files, "/f")].join(""));
      }),
      { numRuns: 300 },
    );
    expect([...seen].sort()).toEqual(["", "1", "12", "123"]);
  });

  it("shows the old or the new file after a rename, never anything else, wherever the machine crashes", () => {
    const events = ["open-write", "write", "sync", "rename", "sync-directory"];
    const seen = new Set<string>();
    return fc
      .assert(
        fc.asyncProperty(tapes, fc.constantFrom(...events), async (tape, event) => {
          const simulation = new Simulation({ tape });
          await simulation.run(async ({ files }) => replaceFile(files, "/f", Uint8Array.of(1, 1)));
          simulation.addFault({ label: `disk.${event}`, nth: 0, kind: "crash" });
          const run = simulation.run(async ({ files }) => replaceFile(files, "/f", Uint8Array.of(2, 2, 2)));
          await expect(run).rejects.toMatchObject({ code: "SIMULATED_CRASH" });
          const left = [...readFile(simulation.host.files, "/f")].join("");
          seen.add(left);
          expect(["11", "222"]).toContain(left);
        }),
        { numRuns: 200 },
      )
      .then(() => expect(seen.size).toBe(2));
  });

  it("finds each step that a careful writer leaves out", async () => {
    for (const forgotten of ["sync", "syncDirectory"] as const) {
      const check = fc.check(
        fc.property(tapes, (tape) => {
          const simulation = new Simulation({ tape });
          replaceFile(simulation.host.files, "/f", Uint8Array.of(1, 2), forgotten);
          simulation.crash();
          const { files } = simulation.host;
          expect(files.stat("/f")).toBeDefined();
          expect([...readFile(files, "/f")]).toEqual([1, 2]);
        }),
      );
      expect(check.failed).toBe(true);
      // Shrunk to (next to) nothing: the shortest tape that shows it.
      expect(check.counterexample?.[0].length).toBeLessThanOrEqual(2);
    }
  });
});

describe("a simulation", () => {
  it("does the same with the same tape: same trace, same end", () =>
    fc.assert(
      fc.asyncProperty(programs, tapes, fc.subarray(["yield", "timer"]), async (program, tape, starve) => {
        const run = async (given: readonly number[]) => {
          const simulation = new Simulation({ tape: given, starve });
          const log: string[] = [];
          await simulation.run((host) => perform(host, program, log));
          return { log, hash: simulation.traceHash, decisions: simulation.decisions, at: simulation.elapsedMs };
        };
        const first = await run(tape);
        expect(await run(tape)).toEqual(first);
        // What was decided is a tape of its own.
        expect(await run(first.decisions)).toEqual(first);
      }),
    ));

  it("lets time pass for timers only, each at its due time and none before an earlier one", () =>
    fc.assert(
      fc.asyncProperty(programs, tapes, async (program, tape) => {
        const simulation = new Simulation({ tape, startMs: 0 });
        const log: string[] = [];
        await simulation.run((host) => perform(host, program, log));
        const times = log.map((line) => Number(line.split(" ")[1]));
        expect(times).toEqual([...times].sort((a, b) => a - b));
        // The longest task says how long all of it takes.
        const sums = program.map((task) => task.reduce((sum, delayMs) => sum + Math.max(0, delayMs), 0));
        expect(simulation.elapsedMs).toBe(Math.max(0, ...sums));
      }),
    ));
});

/** Tasks: each a list of delays in milliseconds; a negative one stands for a yield. */
const programs = fc.array(fc.array(fc.integer({ min: -3, max: 5 }), { maxLength: 6, size: "max" }), {
  maxLength: 5,
  size: "max",
});

async function perform(host: Host, program: readonly (readonly number[])[], log: string[]): Promise<void> {
  const task = async (delays: readonly number[], number: number) => {
    for (const delayMs of delays) {
      if (delayMs < 0) await host.scheduler.yield();
      else await new Promise<void>((resolve) => void host.scheduler.after(delayMs, resolve));
      log.push(`${number} ${host.clock.nowMs()} ${host.random.nextUint32()}`);
    }
  };
  await Promise.all(program.map(task));
}

/** Replaces a file so that a crash leaves the old or the new one: write beside it, sync, rename, sync the directory. */
function replaceFile(files: HostFiles, path: string, bytes: Uint8Array, forgotten?: "sync" | "syncDirectory"): void {
  const file = files.openWrite(`${path}.new`);
  file.write(bytes);
  if (forgotten !== "sync") file.sync();
  file.close();
  files.rename(`${path}.new`, path);
  if (forgotten !== "syncDirectory") files.syncDirectory("/");
}
