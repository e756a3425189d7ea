import fc from "fast-check";
import type { RunSettings } from "./run-program.ts";

/** One thread, one subtask per step, all rows in one batch, and event time that only knows its end. */
export const PLAIN: RunSettings = {
  mode: "batch",
  parallelism: 1,
  threads: 1,
  batchRows: 8192,
  bufferTimeoutMs: 0,
  queueBatches: 4,
  chaining: true,
  isPlaced: false,
  isWatched: false,
  reading: { cuts: [8192], delaysMs: [0], napMs: 0 },
  writeMs: 0,
  tape: [],
  clockReadMs: 2 ** -10,
};

/** Ways to run a program in a stream, simplest first. */
export const anySettings: fc.Arbitrary<RunSettings> = fc.record<RunSettings>({
  mode: fc.constant("streaming" as const),
  parallelism: fc.constantFrom(1, 2, 3),
  threads: fc.oneof({ weight: 15, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(2) }),
  batchRows: fc.constantFrom(64, 1, 3, 8192),
  bufferTimeoutMs: fc.constantFrom(0, 1, 30),
  queueBatches: fc.constantFrom(1, 1, 2, 4),
  alignedTimeoutMs: fc.constantFrom(0, 0, 0, 3),
  chaining: fc.boolean(),
  isPlaced: fc.boolean(),
  isWatched: fc.boolean(),
  reading: fc.record({
    cuts: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 4, size: "max" }),
    delaysMs: fc.array(fc.constantFrom(0, 0, 1, 7), { minLength: 1, maxLength: 4, size: "max" }),
    napMs: fc.constantFrom(0, 200),
  }),
  writeMs: fc.constantFrom(0, 0, 3),
  tape: fc.array(fc.nat(15), { maxLength: 60, size: "max" }),
  clockReadMs: fc.constantFrom(2 ** -10, 4),
});

export const settingsText = ({ tape, ...rest }: RunSettings): string =>
  `${JSON.stringify(rest)}${tape.length === 0 ? "" : ` tape ${tape.join()}`}`;
