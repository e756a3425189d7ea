import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EngineError } from "../../../src/core/errors.ts";
import type { Host } from "../../../src/core/host.ts";
import type { JobSnapshot } from "../../../src/core/job-snapshot.ts";
import { CheckpointDirectory } from "../../../src/state/checkpoints/checkpoint-directory.ts";
import { isOneRuns } from "../../../src/state/checkpoints/checkpoint-names.ts";
import { LocalObjects } from "../../../src/state/checkpoints/local-objects.ts";
import type { Fault } from "../../../src/testing/fault-plan.ts";
import { Simulation } from "../../../src/testing/simulation.ts";
import { SimulatedCrashError } from "../../../src/testing/simulation-errors.ts";
import { crc32cReference } from "../../reference/crc32c.ts";
import { cases, patienceMs } from "../../support/cases.ts";
import { assertKept } from "../../support/kept-cases.ts";

/*
 * A job is a list of the checkpoints it has passed: its state after n of them. What a run commits with a checkpoint is
 * the number of the last one. The law: whoever goes on from somewhere has all in its past that was ever committed, and
 * nobody commits what is not in the past of all who come later.
 */

const DIRECTORY = "/checkpoints/job";

interface Step {
  /** Which of the runs that are alive: 0 the newest, others are zombies. */
  readonly run: number;
  readonly does: "store" | "commit" | "remove old";
}

interface RunScript {
  readonly steps: readonly Step[];
  /** Turns of the event loop by which the next run begins behind the last step; undefined: when that has ended. */
  readonly overlap: number | undefined;
  /** Of which file, and which bit of it, is flipped before the next run. */
  readonly damage: { readonly file: number; readonly bit: number } | undefined;
}

interface Scenario {
  readonly retained: number;
  readonly runs: readonly RunScript[];
  readonly faults: readonly Fault[];
  readonly tape: readonly number[];
}

const LABELS = ["stat", "list", "open-read", "read", "open-write", "write", "sync", "rename", "remove"];
const ALL_LABELS = [...LABELS, "make-directory", "sync-directory"].map((name) => `disk.${name}`);

const big = <T>(of: fc.Arbitrary<T>, maxLength: number) => fc.array(of, { maxLength, size: "max" });

const step: fc.Arbitrary<Step> = fc.record({
  run: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(2) }),
  does: fc.constantFrom("store", "store", "commit", "remove old"),
});
const fault = (...kinds: Fault["kind"][]): fc.Arbitrary<Fault> =>
  fc.record({ label: fc.constantFrom(...ALL_LABELS), nth: fc.nat(60), kind: fc.constantFrom(...kinds) });

const script = (canBeDamaged: boolean): fc.Arbitrary<RunScript> =>
  fc.record({
    steps: big(step, 8),
    overlap: fc.option(fc.nat(30), { nil: undefined }),
    damage: canBeDamaged
      ? fc.option(fc.record({ file: fc.nat(20), bit: fc.nat(4000) }), { nil: undefined, freq: 2 })
      : fc.constant(undefined),
  });

const scenario = (canBeDamaged: boolean, ...kinds: Fault["kind"][]): fc.Arbitrary<Scenario> =>
  fc.record({
    retained: fc.integer({ min: 1, max: 3 }),
    runs: big(script(canBeDamaged), 6),
    faults: big(fault(...kinds), 6),
    tape: big(fc.nat(63), 60),
  });

const written = new Map<string, Uint8Array>();

/** The same bytes for the same text, as parts of subtasks that have finished are in all snapshots that follow. */
function partOf(text: string): Uint8Array {
  const part = written.get(text) ?? new TextEncoder().encode(text);
  written.set(text, part);
  return part;
}

const snapshotOf = (past: readonly string[], checkpointId: number): JobSnapshot => ({
  checkpointId,
  maxParallelism: 128,
  operators: {
    first: { tables: { past: { kind: "list", parts: past.map(partOf) } } },
    __proto__x: { tables: { empty: { kind: "keyed", parts: [new Uint8Array()] } } },
  },
});

const pastOf = (snapshot: JobSnapshot | undefined): string[] =>
  snapshot?.operators.first.tables.past.parts.map((part) => new TextDecoder().decode(part)) ?? [];

interface Run {
  readonly directory: CheckpointDirectory;
  past: string[];
  checkpointId: number;
  /** The newest that is stored and not committed. */
  open: { readonly checkpointId: number; readonly past: string[] } | undefined;
}

interface Outcome {
  readonly committed: readonly string[];
  /** Codes of what was thrown. */
  readonly failures: readonly string[];
  readonly simulation: Simulation;
}

let writers = 0;

const openDirectory = (host: Host, retained: number): Promise<CheckpointDirectory> =>
  CheckpointDirectory.claim({
    store: new LocalObjects(host.files, DIRECTORY, `${host.processes.token}-${writers++}`, isOneRuns),
    checksum: (bytes) => crc32cReference(bytes),
    nowMs: () => host.clock.nowMs(),
    turn: () => host.scheduler.yield(),
    retained,
  });

async function play({ retained, runs, faults, tape }: Scenario): Promise<Outcome> {
  const simulation = new Simulation({ tape, faults });
  const committed: string[] = [];
  const failures: string[] = [];
  let alive: Run[] = [];
  let serial = 0;
  /** Of the newest run, what is stored for sure. */
  let durable: readonly string[] = [];
  let isDamaged = false;
  const attempt = async (work: (host: Host) => Promise<void>): Promise<boolean> => {
    try {
      await simulation.run(work);
      return true;
    } catch (thrown) {
      if (thrown instanceof SimulatedCrashError) alive = [];
      else if (!(thrown instanceof EngineError)) throw thrown;
      failures.push((thrown as EngineError).code);
      return false;
    }
  };
  const take: Record<Step["does"], (run: Run) => Promise<void>> = {
    store: async (run) => {
      const past = [...run.past, `run ${run.directory.attempt} step ${serial++}`];
      run.open = undefined;
      await run.directory.store(snapshotOf(past, ++run.checkpointId));
      run.past = past;
      run.open = { checkpointId: run.checkpointId, past };
      if (run === alive[0]) durable = past;
    },
    commit: async (run) => {
      if (run.open === undefined) return;
      const { checkpointId, past } = run.open;
      await run.directory.beforeCommit(checkpointId);
      // All before it is committed with it, again where it was already.
      expect(past.slice(0, committed.length)).toEqual(committed);
      committed.splice(0, committed.length, ...past);
    },
    "remove old": (run) => run.directory.removeOld(),
  };
  const begin = async (host: Host) => {
    const directory = await openDirectory(host, retained);
    const snapshot = await directory.restore();
    const past = pastOf(snapshot);
    expect(past.slice(0, committed.length)).toEqual(committed);
    // A bit may also turn while it is read.
    isDamaged ||= simulation.struck.some(({ kind }) => kind === "bit-flip");
    if (!isDamaged) expect(past.slice(0, durable.length)).toEqual(durable);
    durable = past;
    // What it went on from is committed by it too.
    committed.splice(0, committed.length, ...past);
    alive.unshift({ directory, past, checkpointId: snapshot?.checkpointId ?? 0, open: undefined });
  };
  await attempt(begin);
  for (const { steps, overlap, damage } of runs) {
    const last = overlap === undefined ? undefined : steps.at(-1);
    for (const { run, does } of last === undefined ? steps : steps.slice(0, -1)) {
      const chosen = alive[run];
      if (chosen !== undefined) await attempt(() => take[does](chosen));
    }
    isDamaged = flip(simulation, damage) || isDamaged;
    const zombie = last && alive[last.run];
    if (last === undefined || zombie === undefined) await attempt(begin);
    else {
      await attempt(async (host) => {
        const ended = take[last.does](zombie).catch((thrown: unknown) => thrown);
        for (let turn = 0; turn < (overlap ?? 0); turn++) await Promise.resolve();
        // A run does one thing at a time: what is to come next waits for this.
        const begun = await begin(host).catch((thrown: unknown) => thrown);
        for (const thrown of [begun, await ended]) if (thrown instanceof Error) throw thrown;
      });
    }
  }
  return { committed, failures, simulation };
}

/** False where nothing was flipped. */
function flip(simulation: Simulation, damage: RunScript["damage"]): boolean {
  if (damage === undefined) return false;
  const { files } = simulation.host;
  const all: string[] = [];
  const walk = (path: string): void => {
    for (const name of files.list(path)) {
      if (files.stat(`${path}/${name}`)?.isDirectory) walk(`${path}/${name}`);
      else all.push(`${path}/${name}`);
    }
  };
  try {
    if (files.stat(DIRECTORY) === undefined) return false;
    walk(DIRECTORY);
    const path = all[damage.file % Math.max(1, all.length)];
    const size = path === undefined ? 0 : (files.stat(path)?.sizeBytes ?? 0);
    if (path === undefined || size === 0) return false;
    simulation.disk.flipBit(path, damage.bit % (size * 8));
    return true;
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) throw thrown;
    return false; // a fault struck
  }
}

const RUNS = cases(300);

describe("whoever goes on from the checkpoints of a job", () => {
  it(
    "has all in its past that was committed, whatever crashes and whoever else runs",
    async () => {
      const any = scenario(false, "crash", "kill", "io-error", "disk-full", "sync-lost");
      const law = async (given: Scenario) => {
        const { failures } = await play(given);
        expect(failures).not.toContain("CHECKPOINT_CORRUPT");
      };
      await assertKept("checkpoint-directory", any, law, { numRuns: RUNS });
    },
    patienceMs(240_000),
  );

  it(
    "neither takes what is damaged, nor goes back behind a commit for it",
    async () => {
      const law = async (given: Scenario) => void (await play(given));
      await assertKept("damaged-directory", scenario(true, "crash", "kill", "bit-flip"), law, { numRuns: RUNS });
    },
    patienceMs(240_000),
  );
});
