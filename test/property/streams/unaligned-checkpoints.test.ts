import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JobSnapshot } from "../../../src/core/job-snapshot.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import { shareSimulatedWork } from "../../support/shared-simulations.ts";
import { printable, sameRows } from "../../support/stream-dag/laws.ts";
import { anyProgram, meaningOf } from "../../support/stream-dag/program.ts";
import { type Continuation, type RunSettings, runProgram } from "../../support/stream-dag/run-program.ts";
import { anySettings } from "../../support/stream-dag/settings.ts";

const MOST_ROWS = 600;
const RUNS = cases(120);

/** Sinks are slow and queues hold something, so that rows are in flight when a barrier comes. */
const anyCrowded: fc.Arbitrary<RunSettings> = fc
  .record({
    settings: anySettings,
    alignedTimeoutMs: fc.constantFrom(0, 0, 0, 0, 2, 20),
    writeMs: fc.constantFrom(3, 20, 100),
    queueBatches: fc.constantFrom(1, 2, 4),
    cuts: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3, size: "max" }),
    threads: fc.constantFrom(1, 1, 1, 1, 1, 1, 2),
  })
  .map(({ settings, cuts, ...rest }) => ({
    ...settings,
    ...rest,
    isWatched: false,
    reading: { ...settings.reading, cuts },
  }));

const isInFlight = ({ operators }: JobSnapshot): boolean =>
  Object.values(operators).some(({ tables }) => Object.keys(tables).some((name) => name.startsWith("inFlightRows")));

describe("checkpoints whose barriers overtake rows", { timeout: patienceMs(600_000) }, () => {
  shareSimulatedWork();

  it("are gone on from as if nothing had happened, at any parallelism, and again before all is replayed", async () => {
    let withRows = 0;
    let again = 0;
    await fc.assert(
      fc.asyncProperty(
        anyProgram,
        fc.tuple(anyCrowded, anyCrowded, anyCrowded, fc.nat(30), fc.nat(6)).map(printable),
        fc.boolean(),
        async (program, [first, second, third, readOfFirst, readOfSecond], dealsToSinks) => {
          const { mostRows, sinks } = meaningOf(program);
          fc.pre(mostRows <= MOST_ROWS);
          let restore: Continuation | undefined;
          const runs = [
            { settings: first, snapshotAtRead: readOfFirst },
            { settings: second, snapshotAtRead: readOfSecond },
            { settings: third },
          ];
          for (const [i, { settings, ...options }] of runs.entries()) {
            // What was committed before the first snapshot is in it.
            const restored = restore && { restore, ...(i === 2 ? { committedBefore: restore.committed } : {}) };
            const run = await runProgram(program, { ...settings, dealsToSinks }, { ...options, ...restored });
            sameRows(`run ${i + 1}`, sinks, run);
            if (run.taken === undefined) return;
            restore = run.taken;
            if (!isInFlight(run.taken.snapshot)) continue;
            withRows++;
            if (i === 1) again++;
          }
        },
      ),
      { numRuns: RUNS },
    );
    expect(withRows).toBeGreaterThan(RUNS / 12);
    expect(again).toBeGreaterThan(RUNS / 40);
  });
});
