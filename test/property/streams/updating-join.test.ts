import * as fc from "fast-check";
import { expect, it } from "vitest";
import { callNode, columnNode } from "../../../src/core/expressions/node.ts";
import type { JoinColumn } from "../../../src/core/joins/join-plan.ts";
import { UpdatingJoinOperator, type UpdatingJoinSpec } from "../../../src/core/operators/updating-join.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, list, utf8 } from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { cases } from "../../support/cases.ts";
import { type HarnessOptions, type Row, StreamHarness } from "../../support/stream-harness.ts";
import {
  anyScript,
  fold,
  multiset,
  play,
  retractSome,
  rowsOf,
  type Step,
  type TimedRow,
} from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, text: utf8, f: float64, tags: list(int32), id: int32 });
const anyRow = () =>
  fc.record({
    k: fc.constantFrom(1, 2, null),
    text: fc.constantFrom("", "a", "a text that does not fit inline", null),
    f: fc.constantFrom(0, 1.5, Number.NaN, null),
    tags: fc.constantFrom([], [1], [1, 2], null),
  });

const column = (side: "left" | "right", name: string): JoinColumn => ({ side, column: name, name: `${side} ${name}` });

/** Without ids rows repeat: what is not asked for is not kept. */
const anySpec: fc.Arbitrary<UpdatingJoinSpec> = fc
  .record({
    type: fc.constantFrom("inner", "left", "right", "full", "semi", "anti" as const),
    byText: fc.boolean(),
    hasIds: fc.boolean(),
    hasResidual: fc.boolean(),
    nullEquals: fc.constantFrom(false, false, true),
    left: fc.boolean(),
    right: fc.boolean(),
  })
  .map(({ type, byText, hasIds, hasResidual, nullEquals, left, right }) => {
    const keys = byText ? ["text"] : ["k"];
    const names = hasIds ? ["id", "text", "tags"] : ["k", "text", "f"];
    const rights = type === "semi" || type === "anti" ? [] : names.map((name) => column("right", name));
    return {
      kind: "updatingJoin",
      type,
      leftKeys: keys,
      rightKeys: keys,
      nullEquals,
      changelogs: { left, right },
      output: [...names.map((name) => column("left", name)), ...rights],
      ...(hasResidual
        ? {
            residual: {
              columns: [column("left", "k"), column("right", "text")],
              condition: callNode(
                "or",
                callNode("isNull", columnNode("right text")),
                callNode("eq", columnNode("left k"), { kind: "literal", type: int32, value: 1 }),
              ),
            },
          }
        : {}),
    };
  });

/** The nested loop over the rows that are left of each side. */
function reference(left: readonly Row[], right: readonly Row[], spec: UpdatingJoinSpec): Row[] {
  const [key] = spec.leftKeys;
  const isMatch = (l: Row, r: Row): boolean => {
    if (l[key] !== r[key] || (l[key] === null && spec.nullEquals !== true)) return false;
    return spec.residual === undefined || r.text === null || l.k === 1;
  };
  const result: Row[] = [];
  const emit = (l: Row | undefined, r: Row | undefined): void => {
    const rowOf = { left: l, right: r };
    result.push(Object.fromEntries(spec.output.map(({ side, column: of, name }) => [name, rowOf[side]?.[of] ?? null])));
  };
  const { type } = spec;
  const matched = new Set<Row>();
  for (const l of left) {
    for (const r of right) {
      if (!isMatch(l, r)) continue;
      matched.add(l).add(r);
      if (type !== "semi" && type !== "anti") emit(l, r);
    }
  }
  for (const l of left) {
    if (type === "semi" ? matched.has(l) : ["left", "full", "anti"].includes(type) && !matched.has(l))
      emit(l, undefined);
  }
  for (const r of right) if ((type === "right" || type === "full") && !matched.has(r)) emit(undefined, r);
  return result;
}

/** Takes rows back on the sides that are changelogs. */
function withChanges(steps: readonly Step[], choices: readonly number[], { changelogs }: UpdatingJoinSpec): Step[] {
  const isChangelog = [changelogs?.left === true, changelogs?.right === true];
  const changed = retractSome(steps, choices);
  return steps.map((step, i) => (step.kind === "rows" && !isChangelog[step.input] ? step : changed[i]));
}

const shown = (rows: readonly Row[]): string[] =>
  multiset(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, Number.isNaN(v) ? "NaN" : v]))),
  );

const left = (rows: readonly TimedRow[], input: number): Row[] =>
  fold(rows.filter((row) => row.input === input).map(({ row, kind }) => ({ row, kind: kind ?? 0 })));

const harnessOf = (ws: Workspace, spec: UpdatingJoinSpec, options: HarnessOptions, collide = false): StreamHarness => {
  const create = () =>
    new UpdatingJoinOperator(spec, SCHEMA, SCHEMA, { fewestGone: 4, ...(collide ? { hashMask: 0 } : {}) });
  const inputs = [spec.leftKeys, spec.rightKeys].map((keys) => ({ schema: SCHEMA, keys }));
  return new StreamHarness(ws, create, inputs, options);
};

const anyChoices = fc.array(fc.nat(5), { minLength: 30, maxLength: 30 });

it("the changelog of an updating join folds to the join of the rows that are left, whatever the order, cuts and restarts", () => {
  fc.assert(
    fc.property(
      anySpec,
      anyScript(anyRow),
      anyChoices,
      fc.integer({ min: 1, max: 9 }),
      fc.boolean(),
      (spec, steps, choices, batchRows, collide) => {
        withWorkspace((ws) => {
          const script = withChanges(steps, choices, spec);
          const harness = harnessOf(ws, spec, { batchRows }, collide);
          play(harness, script);
          const rows = rowsOf(script);
          expect(shown(fold(harness.emitted))).toEqual(shown(reference(left(rows, 0), left(rows, 1), spec)));
          expect(harness.metrics.get("retractionsMissed")).toBeUndefined();
        });
      },
    ),
    { numRuns: cases(250) },
  );
});

it("after each batch the changelog so far folds to the join of the rows so far", () => {
  fc.assert(
    fc.property(anySpec, anyScript(anyRow, { maxRows: 16 }), anyChoices, (spec, steps, choices) => {
      withWorkspace((ws) => {
        const script = withChanges(steps, choices, spec);
        const harness = harnessOf(ws, spec, {});
        const soFar: TimedRow[] = [];
        for (const step of script) {
          if (step.kind === "restart") harness.restart(step.parallelism);
          if (step.kind !== "rows") continue;
          soFar.push(...step.rows);
          const hasKinds = step.rows.some(({ kind }) => kind !== undefined);
          harness.rows(
            step.input,
            step.rows.map(({ row }) => row),
            hasKinds ? { kinds: step.rows.map(({ kind = 0 }) => kind) } : {},
          );
          expect(shown(fold(harness.emitted))).toEqual(shown(reference(left(soFar, 0), left(soFar, 1), spec)));
        }
        harness.close();
      });
    }),
    { numRuns: cases(120) },
  );
});

it("in batch mode an updating join gives the final rows alone", () => {
  fc.assert(
    fc.property(anySpec, anyScript(anyRow, { restarts: false }), anyChoices, (spec, steps, choices) => {
      withWorkspace((ws) => {
        const script = withChanges(steps, choices, spec);
        const harness = harnessOf(ws, spec, { isBatchMode: true, batchRows: 3 });
        play(harness, script);
        const rows = rowsOf(script);
        expect(harness.emitted.every(({ kind }) => kind === 0)).toBe(true);
        expect(shown(harness.emitted.map(({ row }) => row))).toEqual(
          shown(reference(left(rows, 0), left(rows, 1), spec)),
        );
      });
    }),
    { numRuns: cases(120) },
  );
});

it("a row in time to live matches, one that has expired does not", () => {
  fc.assert(
    fc.property(
      anySpec.filter(({ type, changelogs }) => type === "inner" && !changelogs?.left && !changelogs?.right),
      anyScript(anyRow),
      fc.integer({ min: 1, max: 15 }),
      (spec, steps, ttlMs) => {
        withWorkspace((ws) => {
          const harness = harnessOf(ws, { ...spec, ttl: { ttlMs, timeDomain: "event" } }, { batchRows: 3 });
          play(harness, steps);
          const before: TimedRow[] = [];
          const expected: Row[] = [];
          let watermark = Number.NEGATIVE_INFINITY;
          for (const step of steps) {
            if (step.kind === "watermark") watermark = step.timeMs;
            if (step.kind !== "rows") continue;
            const living = before.filter(({ input, time }) => input !== step.input && time + ttlMs > watermark);
            for (const { row, input } of step.rows) {
              const others = living.map((each) => each.row);
              expected.push(...(input === 0 ? reference([row], others, spec) : reference(others, [row], spec)));
            }
            before.push(...step.rows);
          }
          expect(shown(harness.emitted.map(({ row }) => row))).toEqual(shown(expected));
        });
      },
    ),
    { numRuns: cases(120) },
  );
});
