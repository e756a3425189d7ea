import fc from "fast-check";
import { describe, it } from "vitest";
import { shareSimulatedWork } from "../shared-simulations.ts";
import { anyEdgeProgram } from "./edge-programs.ts";
import { anyLateProgram } from "./late-rows.ts";
import { anyProgram, meaningOf, type Program } from "./program.ts";
import { type RunOutcome, type RunSettings, runProgram } from "./run-program.ts";
import { anySettings, PLAIN, settingsText } from "./settings.ts";
import { anyTwoPhaseProgram, anyTwoPhaseSettings } from "./two-phase-programs.ts";

/** Programs that multiply their rows beyond this are left out. */
const MOST_ROWS = 600;

const LONGEST_MS = 3 * 3_600_000;

/** The laws of random streaming programs, each for so many of them. */
export function describeLaws(numRuns: number): void {
  describe("a random streaming program", { timeout: LONGEST_MS }, () => {
    shareSimulatedWork();

    it("means the same in batch mode, run as plainly as can be", () =>
      assertLaw(numRuns, fc.constant(PLAIN), async (program, settings) => {
        sameRows("batch mode", meaningOf(program, true).sinks, await runProgram(program, settings));
      }));

    it("means the same as a stream, however it is cut, spread, chained, delayed and scheduled", () =>
      assertLaw(numRuns, anySettings, async (program, settings) => {
        sameRows("the stream", meaningOf(program).sinks, await runProgram(program, settings));
      }));

    it("tells what lies on the very bounds of an interval from what lies behind them", () =>
      fc.assert(
        fc.asyncProperty(anyEdgeProgram, anySettings.map(printable), async (program, settings) => {
          const cutFine = {
            ...settings,
            reading: { ...settings.reading, cuts: [1] },
            isWatched: settings.threads === 1,
          };
          sameRows("the stream", meaningOf(program).sinks, await runProgram(program, cutFine));
        }),
        { numRuns },
      ));

    it("goes on from any snapshot, at another parallelism too, as if nothing had happened", () =>
      assertLaw(
        numRuns,
        fc.tuple(anySettings, anySettings, fc.nat(12)),
        async (program, [settings, after, snapshotAtRead]) => {
          const { sinks } = meaningOf(program);
          const watched = { ...settings, isWatched: settings.threads === 1 };
          const first = await runProgram(program, watched, { snapshotAtRead });
          sameRows("the run in which the snapshot was taken", sinks, first);
          const { taken } = first;
          if (taken === undefined) return;
          const isWatched = watched.isWatched && after.threads === 1;
          const second = await runProgram(program, { ...after, isWatched }, { restore: taken });
          sameRows("the run from the snapshot on", sinks, second);
        },
      ));

    it("goes on from where it was stopped as if nothing had happened: stopping fires and ends nothing", () =>
      assertLaw(
        // Few of them have something waiting that the end would fire.
        3 * numRuns,
        // Most programs are over soon: there must be something left to stop.
        fc.tuple(anySettings, anySettings, fc.oneof(fc.nat(4), fc.nat(4), fc.nat(12))),
        async (program, [settings, after, snapshotAtRead]) => {
          const { sinks } = meaningOf(program);
          const watched = { ...settings, isWatched: settings.threads === 1 };
          const first = await runProgram(program, watched, { snapshotAtRead, stops: true });
          const { taken, committed } = first;
          if (taken === undefined) {
            sameRows("the run that was not stopped", sinks, first);
            return;
          }
          const isWatched = watched.isWatched && after.threads === 1;
          const options = { restore: taken, committedBefore: committed };
          const second = await runProgram(program, { ...after, isWatched }, options);
          sameRows("the run that was stopped, and the one behind it", sinks, second);
        },
      ));

    it("gives the windows that it would if rows were not combined where they are read, before and behind a snapshot", () =>
      fc.assert(
        fc.asyncProperty(
          anyTwoPhaseProgram,
          fc.tuple(anyTwoPhaseSettings, anyTwoPhaseSettings, fc.nat(24)).map(printable),
          async (program, [settings, after, snapshotAtRead]) => {
            const { sinks } = meaningOf(program);
            const isWatched = settings.threads + after.threads === 2;
            const first = await runProgram(program, { ...settings, isWatched }, { snapshotAtRead });
            sameRows("the run in which the snapshot was taken", sinks, first);
            if (first.taken === undefined) return;
            const second = await runProgram(program, { ...after, isWatched }, { restore: first.taken });
            sameRows("the run from the snapshot on", sinks, second);
          },
        ),
        { numRuns },
      ));

    it("loses no row that comes too late: windows and their late rows are all rows, before and behind a restore", () =>
      fc.assert(
        fc.asyncProperty(
          anyLateProgram,
          fc.tuple(anySettings, anySettings, fc.nat(12)).map(printable),
          async (program, [settings, after, snapshotAtRead]) => {
            const watching = (each: RunSettings) => ({ ...each, isWatched: settings.threads + after.threads === 2 });
            const first = await runProgram(program, watching(settings), { snapshotAtRead, expectsLate: true });
            noComplaints("the first run", [...program.complaints(first.sinks), ...first.violations]);
            if (first.taken === undefined) return;
            const options = { restore: first.taken, expectsLate: true };
            const second = await runProgram(program, watching(after), options);
            noComplaints("the run from the snapshot on", [...program.complaints(second.sinks), ...second.violations]);
          },
        ),
        { numRuns },
      ));
  });
}

function assertLaw<S>(
  numRuns: number,
  settings: fc.Arbitrary<S>,
  law: (program: Program, settings: S) => Promise<void>,
): Promise<void> {
  return fc.assert(
    fc.asyncProperty(anyProgram, settings.map(printable), async (program, each) => {
      fc.pre(meaningOf(program).mostRows <= MOST_ROWS);
      await law(program, each);
    }),
    { numRuns },
  );
}

export function printable<S>(settings: S): S {
  const texts = (Array.isArray(settings) ? settings : [settings]).map((each: unknown) =>
    typeof each === "object" && each !== null ? settingsText(each as never) : `snapshot at read ${String(each)}`,
  );
  const copy = (Array.isArray(settings) ? [...settings] : { ...settings }) as object;
  return Object.assign(copy, { [fc.toStringMethod]: () => `\n  ${texts.join("\n  ")}` }) as S;
}

export function sameRows(
  what: string,
  expected: ReadonlyMap<string, readonly string[]>,
  { sinks, violations }: RunOutcome,
) {
  const found: string[] = [...violations];
  for (const [sink, rows] of expected) {
    const missing = difference(rows, sinks.get(sink) ?? []);
    const extra = difference(sinks.get(sink) ?? [], rows);
    if (missing.length > 0) found.push(`${sink} lacks: ${missing.join("; ")}`);
    if (extra.length > 0) found.push(`${sink} has too much: ${extra.join("; ")}`);
  }
  noComplaints(what, found);
}

function noComplaints(what: string, complaints: readonly string[]): void {
  if (complaints.length > 0) throw new Error(`In ${what}:\n  ${complaints.join("\n  ")}`);
}

/** Rows of one multiset that the other lacks. */
function difference(rows: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const row of others) counts.set(row, (counts.get(row) ?? 0) + 1);
  return rows.filter((row) => {
    const left = counts.get(row) ?? 0;
    counts.set(row, left - 1);
    return left <= 0;
  });
}
