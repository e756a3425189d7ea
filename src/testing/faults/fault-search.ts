import type { Arbitrary } from "fast-check";
import { PlanError } from "../../core/errors.ts";
import { FaultCheckError, type FaultFinding } from "./fault-check-error.ts";
import type { FaultModel } from "./fault-model.ts";
import { type FaultCase, type InputRows, RESTLESS_SCHEDULE } from "./fault-schedule.ts";
import type { CheckedJob } from "./faulted-run.ts";
import { type Expecting, type Failure, judge, whatIsExpected } from "./judgement.ts";
import { anyDeal, anySchedule, CRASH_LABELS } from "./schedule-arbitrary.ts";
import { smallerCase } from "./smaller-case.ts";
import { type FaultReport, SearchStatistics } from "./statistics.ts";
import { timelineOf } from "./timeline.ts";

type FastCheck = typeof import("fast-check");

/** An arbitrary of fast-check, as far as types go: the package is asked for by its user alone. */
export interface RowsArbitrary<T> {
  generate(random: never, biasFactor: number | undefined): { readonly value: T };
  canShrinkWithoutContext(value: unknown): value is T;
}

type Generated = Record<string, Arbitrary<readonly object[]>>;

export interface SearchPlan {
  readonly rows: Readonly<Record<string, RowsArbitrary<object[]> | readonly object[]>>;
  readonly runs: number;
  readonly seed: number;
}

/** Runs in which nothing fails, though rows come in another order, for jobs that differ by themselves. */
const RESTLESS_RUNS = 8;
/** A counterexample that takes longer to shrink is small enough. */
const MOST_SHRINKS = 1000;

/** Looks for a case in which a job goes wrong, and makes it small. */
export class FaultSearch {
  readonly #job: CheckedJob;
  readonly #model: FaultModel;
  readonly #expecting: Expecting;
  readonly #statistics = new SearchStatistics();
  #failure: Failure | undefined;
  #shrinks = 0;
  /** Runs that only show whether the job differs by itself are no faulted ones. */
  #isCounting = true;

  constructor(job: CheckedJob, { model, expect }: { readonly model: FaultModel; readonly expect: Expecting }) {
    this.#job = job;
    this.#model = model;
    this.#expecting = expect;
  }

  /** @throws {FaultCheckError} */
  async replay(given: FaultCase): Promise<FaultReport> {
    const failure = await this.#judge(given);
    if (failure !== undefined) throw await this.#error(failure);
    return this.#statistics.report();
  }

  /** @throws {FaultCheckError} */
  async search({ rows, runs, seed }: SearchPlan): Promise<FaultReport> {
    const fc = await fastCheck();
    const recorded: Record<string, readonly object[]> = {};
    const generated: Generated = {};
    for (const [name, each] of Object.entries(rows)) {
      if (Array.isArray(each)) recorded[name] = each as readonly object[];
      else generated[name] = each as unknown as Arbitrary<object[]>;
    }
    const inputs = fc.record(generated).map((made): InputRows => ({ ...recorded, ...made }));
    const ownLabels = await this.#ownLabels(fc, inputs, seed);
    const splits = anyDeal(fc);
    if (this.#expecting === undefined) {
      const schedule = fc.constant({ ...RESTLESS_SCHEDULE, parallelism: [this.#model.rescale[1]] });
      this.#isCounting = false;
      await this.#run(fc, fc.record<FaultCase>({ inputs, splits, schedule }), { runs: RESTLESS_RUNS, seed, generated });
      this.#isCounting = true;
    }
    const schedule = anySchedule(fc, this.#model, ownLabels);
    await this.#run(fc, fc.record<FaultCase>({ inputs, splits, schedule }), { runs, seed, generated });
    return this.#statistics.report();
  }

  async #run(
    fc: FastCheck,
    cases: Arbitrary<FaultCase>,
    { runs, seed, generated }: { readonly runs: number; readonly seed: number; readonly generated: Generated },
  ): Promise<void> {
    // What fast-check has to tell of a failure is less than what the failure itself does.
    await fc.check(
      fc.asyncProperty(cases, (given) => this.#try(given)),
      { numRuns: runs, seed },
    );
    if (this.#failure === undefined) return;
    // Any rows of a recording may be left out; of generated ones, those that could have been generated so.
    const isPossible = (name: string, rows: readonly object[]) =>
      generated[name]?.canShrinkWithoutContext(rows) ?? true;
    const small = await smallerCase(this.#failure, isPossible, (given) => this.#judge(given));
    throw await this.#error(small);
  }

  /** Throws where a case goes wrong; the newest failure is the smallest, as shrinking goes. */
  async #try(given: FaultCase): Promise<void> {
    if (this.#failure !== undefined && ++this.#shrinks > MOST_SHRINKS) return;
    const failure = await this.#judge(given);
    if (failure === undefined) return;
    this.#failure = failure;
    throw failure.error;
  }

  async #judge(given: FaultCase): Promise<Failure | undefined> {
    const expected = await whatIsExpected(this.#job, given, this.#expecting);
    return judge(this.#job, given, expected, (record) => {
      if (this.#isCounting && this.#failure === undefined) this.#statistics.add(record);
    });
  }

  /** The message for a failure: its story, and whether the faults have to do with it. */
  async #error(failure: Failure): Promise<unknown> {
    // Of real time or randomness its stack says all.
    if (failure.isOwnError) return failure.error;
    const { given, what, differences, simulation } = failure;
    const unharmed = { ...given, schedule: { ...given.schedule, faults: [] } };
    const hasFaults = given.schedule.faults.length > 0;
    const finding: FaultFinding = {
      given,
      what,
      differences,
      timeline: timelineOf(simulation?.trace() ?? []),
      needsFault: hasFaults && (await this.#judge(unharmed)) === undefined,
      cause: failure.error,
    };
    return new FaultCheckError(finding);
  }

  /** Moments that the job itself has named by `host.crashPoint`. */
  async #ownLabels(fc: FastCheck, inputs: Arbitrary<InputRows>, seed: number): Promise<string[]> {
    const found = new Set<string>();
    for (const rows of fc.sample(inputs, { numRuns: 3, seed })) {
      const given: FaultCase = { inputs: rows, splits: { count: 2, deal: [0, 1] }, schedule: RESTLESS_SCHEDULE };
      const failure = await judge(
        this.#job,
        given,
        { files: false, outputs: undefined, expect: undefined },
        (record) => {
          for (const label of record.simulation.hits.keys()) if (!KNOWN.test(label)) found.add(label);
        },
      );
      // Wrong without any fault: nothing to look for.
      if (failure !== undefined) throw failure.isOwnError ? failure.error : await this.#error(failure);
    }
    for (const label of CRASH_LABELS) found.delete(label);
    return [...found];
  }
}

/** Events of the simulation and the engine. */
const KNOWN = /^(disk|link|network|checkpoint|savepoint|restore|source|sink|attempt)\./;

async function fastCheck(): Promise<FastCheck> {
  try {
    return await import("fast-check");
  } catch (cause) {
    throw new PlanError(
      "FAST_CHECK_MISSING",
      "faults.check makes inputs and schedules with the package fast-check, which cannot be imported.",
      "Run `npm install --save-dev fast-check`.",
      { cause },
    );
  }
}
