import fc from "fast-check";
import { type DagSource, type Program, programText } from "./program.ts";
import type { RunSettings } from "./run-program.ts";
import { anySettings } from "./settings.ts";
import { combinable } from "./window-steps.ts";

const anyRow = (first: number, last: number) =>
  fc.record({
    k: fc.constantFrom("a", "b", null),
    v: fc.integer({ min: -9, max: 9 }),
    t: fc.integer({ min: first, max: last }),
  });
const inOrder = <T extends { readonly t: number }>(rows: T[]): T[] => rows.toSorted((a, b) => a.t - b.t);

/**
 * A window of aggregates that are combined in front of the exchange: one split of its source falls idle in the middle,
 * with rows in windows that the other split closes meanwhile.
 */
export const anyTwoPhaseProgram: fc.Arbitrary<Program> = fc
  .record({
    early: fc.array(anyRow(-5, 30), { minLength: 1, maxLength: 8, size: "max" }).map(inOrder),
    late: fc.array(anyRow(100, 130), { minLength: 1, maxLength: 3, size: "max" }).map(inOrder),
    steady: fc.array(anyRow(-5, 60), { minLength: 14, maxLength: 18, size: "max" }).map(inOrder),
    hasOffsets: fc.boolean(),
    disorderMs: fc.constantFrom(0, 3),
    step: combinable,
  })
  .map(({ early, late, steady, hasOffsets, disorderMs, step }) => {
    let id = 0;
    const numbered = <T>(rows: readonly T[]) => rows.map((row) => ({ id: id++, ...row }));
    const source: DagSource = {
      splits: [
        { rows: numbered([...early, ...late]), hasOffsets, napBefore: early.length },
        { rows: numbered(steady), hasOffsets },
      ],
      disorderMs,
      generator: "bounded",
      isIdleAware: true,
      isAligned: false,
    };
    const program: Program = {
      sources: [source],
      nodes: [{ step, from: [0, 0], readsSide: false, isSunk: true, placing: {} }],
      ends: [],
    };
    return Object.assign(program, { [fc.toStringMethod]: () => programText(program) });
  });

/** Several subtasks, and a steady split that goes on while the other one is idle. */
export const anyTwoPhaseSettings: fc.Arbitrary<RunSettings> = fc
  .record({ settings: anySettings, parallelism: fc.constantFrom(2, 3) })
  .map(({ settings, parallelism }) => ({
    ...settings,
    parallelism,
    isPlaced: false,
    reading: { cuts: [1], delaysMs: [7], napMs: 200 },
  }));
