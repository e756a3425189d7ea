import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HostFiles } from "../../../src/core/host.ts";
import { Simulation } from "../../../src/testing/simulation.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import {
  anyChange,
  anyRefusedChange,
  type Change,
  changeText,
  type MakeChange,
} from "../../support/changed-jobs/changes.ts";
import { anyInput, anyJob, type Input, type Job, jobText } from "../../support/changed-jobs/job.ts";
import { type Ending, goOn, hasState, judge, type KeptState } from "../../support/changed-jobs/model.ts";
import { checkJob, type JobRun, type RunSettings, runJob, type Stop } from "../../support/changed-jobs/run-job.ts";
import { readFile } from "../../support/files-contract.ts";
import { shareSimulatedWork } from "../../support/shared-simulations.ts";
import { withMemories } from "../../support/with-memories.ts";

shareSimulatedWork();

const anySettings: fc.Arbitrary<RunSettings> = fc.record({
  parallelism: fc.integer({ min: 1, max: 3 }),
  batchRows: fc.constantFrom(64, 1, 5),
  bufferTimeoutMs: fc.constantFrom(0, 1),
  reading: fc.record({
    cuts: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
    delaysMs: fc.array(fc.constantFrom(0, 1, 7), { minLength: 1, maxLength: 3 }),
    napMs: fc.constant(0),
  }),
});

const anyStop = fc.record({ atRead: fc.nat(12), drain: fc.constantFrom(false, false, false, true) });
const anyTape = fc.array(fc.nat(15), { maxLength: 40, size: "max" });

interface Case {
  readonly job: Job;
  readonly input: Input;
  readonly stop: Omit<Stop, "path">;
  readonly settings: readonly [RunSettings, RunSettings, RunSettings];
  readonly tape: readonly number[];
}

const anyCase: fc.Arbitrary<Case> = fc
  .record({
    job: anyJob,
    input: anyInput,
    stop: anyStop,
    settings: fc.tuple(anySettings, anySettings, anySettings),
    tape: anyTape,
  })
  .map((given) => Object.assign(given, { [fc.toStringMethod]: () => "the case that the error tells of" }));

/** A change from nothing to the job as it is. */
const asItIs = (job: Job): Change => ({ job, renamedState: {}, allowNonRestoredState: false });

/** All files of a directory. */
function bytesIn(files: HostFiles, path: string): Map<string, string> {
  return new Map(
    files.list(path).flatMap((name): [string, string][] => {
      const inner = `${path}/${name}`;
      if (files.stat(inner)?.isDirectory === true) return [...bytesIn(files, inner)];
      return [[inner, Buffer.from(readFile(files, inner)).toString("base64")]];
    }),
  );
}

const textOf = ({ job, input, stop, settings, tape }: Case, changes: readonly (readonly [string, Change])[]): string =>
  [
    `rows ${input.splits.map((ids) => `[${ids.join(", ")}]`).join(" ")}`,
    jobText(job),
    `is stopped at read ${stop.atRead}${stop.drain ? ", drained" : ""}`,
    ...changes.flatMap(([what, change]) => [what, changeText(change)]),
    ...settings.map((each) => JSON.stringify(each)),
    `tape ${tape.join()}`,
  ].join("\n    ");

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown } | undefined)?.code ?? error;

/** Nothing may be wrong in what a run has given; gives the state behind it. */
function judged(what: string, job: Job, kept: KeptState, run: JobRun, ending: Ending): KeptState {
  if (run.error !== undefined) throw new Error(`${what} failed`, { cause: run.error });
  const { complaints, kept: now } = judge(job, kept, run.read, run.lines, ending);
  if (complaints.length > 0) throw new Error(`${what}:\n  ${complaints.join("\n  ")}`);
  return now;
}

/** Every row was read, and once. */
function readAll({ splits }: Input, ...runs: readonly JobRun[]): void {
  const read = runs.flatMap((run) => run.read).sort((a, b) => a - b);
  expect(read, "what was read").toEqual(splits.flat().sort((a, b) => a - b));
}

/** Runs `law` on a simulated machine; where it fails, tells of the case. */
function onMachine(tape: readonly number[], text: () => string, law: (simulation: Simulation) => Promise<void>) {
  return withMemories(async (memories) => {
    const simulation = new Simulation({ threadEntry: memories.threadEntry, tape, parallelism: 1, stepLimit: 300_000 });
    memories.provideFor(simulation.host, 1);
    try {
      await simulation.run(() => law(simulation));
    } catch (thrown) {
      throw new Error(`${(thrown as Error).message}\n${text()}`, { cause: thrown });
    }
  });
}

describe("a job that is stopped with a savepoint, and goes on as a changed one", {
  timeout: patienceMs(120_000),
}, () => {
  it("gives what follows from its state and the rows behind it, also changed twice, and beside another one", () =>
    fc.assert(
      fc.asyncProperty(anyCase, anyChange, anyChange, anyChange, anyStop, async (given, makeA, makeB, makeC, stop) => {
        const { job, input, settings, tape } = given;
        const [a, b] = [makeA(job, 1), makeB(job, 2)];
        const c = makeC(a.job, 3);
        const text = () =>
          textOf(given, [
            ["A", a],
            [`stopped again at ${stop.atRead}${stop.drain ? ", drained" : ""}, C`, c],
            ["B", b],
          ]);
        await onMachine(tape, text, async ({ host }) => {
          const ending = (run: JobRun, { drain }: { readonly drain: boolean }): Ending =>
            run.isStopped ? (drain ? "drained" : "stopped") : "ended";
          const first = await runJob(host, {
            change: asItIs(job),
            input,
            settings: settings[0],
            stop: { ...given.stop, path: "/first" },
          });
          const kept = judged("The job", job, new Map(), first, ending(first, given.stop));
          if (!first.isStopped) return readAll(input, first);
          const request = { input, settings: settings[1], restoreFrom: "/first" };
          for (const change of [a, b]) {
            const refusal = await checkJob(host, { ...request, change });
            if (refusal !== undefined) throw new Error("The check refuses what can be", { cause: refusal });
          }
          const [second, beside] = await Promise.all([
            runJob(host, { ...request, change: a, stop: { ...stop, path: "/second" } }),
            runJob(host, { ...request, settings: settings[2], change: b }),
          ]);
          judged("B", b.job, goOn(kept, b), beside, "ended");
          readAll(input, first, beside);
          const keptByA = judged("A", a.job, goOn(kept, a), second, ending(second, stop));
          if (!second.isStopped) return readAll(input, first, second);
          const third = await runJob(host, { input, settings: settings[2], restoreFrom: "/second", change: c });
          judged("C", c.job, goOn(keptByA, c), third, "ended");
          readAll(input, first, second, third);
        });
      }),
      { numRuns: cases(90) },
    ));

  it("is refused before it reads a row where that cannot be, which leaves the savepoint as it is", async () => {
    const codes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anyCase, anyRefusedChange, async (given, make: MakeChange) => {
        const { job, input, settings, tape } = given;
        const change = make(job, 1);
        fc.pre(change.refusal !== undefined);
        await onMachine(
          tape,
          () => textOf(given, [["goes on as", change]]),
          async ({ host }) => {
            const stop = { ...given.stop, path: "/first" };
            const first = await runJob(host, { change: asItIs(job), input, settings: settings[0], stop });
            if (!first.isStopped) return;
            const kept = judged("The job", job, new Map(), first, stop.drain ? "drained" : "stopped");
            if (change.because !== undefined && !hasState(change.because, kept)) return;
            const bytes = bytesIn(host.files, "/first");
            const request = { input, settings: settings[1], restoreFrom: "/first" };
            expect(codeOf(await checkJob(host, { ...request, change })), "what the check says").toBe(change.refusal);
            const refused = await runJob(host, { ...request, change });
            expect(codeOf(refused.error), "what the job is refused with").toBe(change.refusal);
            expect([refused.read, refused.lines.size], "what it has read and said").toEqual([[], 0]);
            expect(bytesIn(host.files, "/first")).toEqual(bytes);
            const unchanged = await runJob(host, { ...request, settings: settings[2], change: asItIs(job) });
            judged("The unchanged job", job, kept, unchanged, "ended");
            readAll(input, first, unchanged);
            codes.add(String(change.refusal));
          },
        );
      }),
      { numRuns: cases(110) },
    );
    const all = ["MAX_PARALLELISM_CHANGED", "OPTION_INVALID", "STATE_INCOMPATIBLE", "STATE_NOT_IN_JOB"];
    expect([...codes].sort(), "with what jobs were refused").toEqual(all);
  });
});
