import fc from "fast-check";
import { type DagSource, type Program, programText } from "./program.ts";
import { intervalJoin } from "./window-steps.ts";

const GRID_MS = 6;

/** Rows in their order, many of one time, with a watermark behind each that only just does not pass it. */
const anySource = fc
  .array(fc.record({ k: fc.constantFrom("a", "a", "b"), t: fc.integer({ min: -2, max: 4 }) }), {
    minLength: 1,
    maxLength: 8,
    size: "max",
  })
  .map((rows) => rows.toSorted((a, b) => a.t - b.t).map(({ k, t }) => ({ k, v: 1, t: t * GRID_MS })));

/** Joins whose rows lie on the very bounds of their intervals, where one millisecond decides. */
export const anyEdgeProgram: fc.Arbitrary<Program> = fc
  .record({ sources: fc.tuple(anySource, anySource), step: intervalJoin })
  .map(({ sources, step }) => {
    let id = 0;
    const program: Program = {
      sources: sources.map(
        (rows): DagSource => ({
          splits: [{ rows: rows.map((row) => ({ id: id++, ...row })), hasOffsets: true }],
          disorderMs: 0,
          generator: "custom",
          isIdleAware: false,
          isAligned: false,
        }),
      ),
      nodes: [{ step, from: [0, 1], readsSide: false, isSunk: true, placing: {} }],
      ends: [],
    };
    return Object.assign(program, { [fc.toStringMethod]: () => programText(program) });
  });
