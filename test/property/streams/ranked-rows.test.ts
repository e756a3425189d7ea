import * as fc from "fast-check";
import { expect, it } from "vitest";
import { FirstRowsOperator } from "../../../src/core/operators/first-rows.ts";
import { RankedRowsOperator, type RankedRowsSpec, type RankKey } from "../../../src/core/operators/ranked-rows.ts";
import { Schema } from "../../../src/core/schema.ts";
import { float64, int32, utf8 } from "../../../src/core/types.ts";
import { type ChangedRow, rankedReference } from "../../reference/ranked-rows.ts";
import { cases } from "../../support/cases.ts";
import { type Row, StreamHarness } from "../../support/stream-harness.ts";
import { anyScript, fold, multiset, play, retractSome, rowsOf, type Step } from "../../support/stream-script.ts";
import { withWorkspace } from "../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, f: float64, text: utf8, id: int32 });
const anyRow = () =>
  fc.record({
    k: fc.constantFrom(1, 2, 3, null),
    f: fc.constantFrom(0, -0, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, null),
    text: fc.constantFrom("", "a", "a text that is long", "a text that is longer", "b".repeat(100), null),
  });

const anyKey: fc.Arbitrary<RankKey> = fc
  .record({ column: fc.constantFrom("f", "text", undefined), descending: fc.boolean(), nullsFirst: fc.boolean() })
  .map(({ column, ...direction }) => (column === undefined ? direction : { column, ...direction }));
const anySpec: fc.Arbitrary<RankedRowsSpec> = fc
  .record({
    keys: fc.constantFrom(["k"], ["text", "k"], ["f"], []),
    order: fc.array(anyKey, { maxLength: 2 }),
    count: fc.constantFrom(1, 2, 3, 100),
    prefersLater: fc.boolean(),
    hasRank: fc.boolean(),
  })
  .map(({ hasRank, ...spec }) => ({ kind: "rankedRows", ...spec, ...(hasRank ? { rankColumn: "rank" } : {}) }));

const shown = (rows: readonly Row[]) =>
  multiset(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, Number.isNaN(v) ? "NaN" : v]))),
  );

it("the changelog of ranked rows folds to the first rows of each key, whatever the cuts and restarts", () => {
  fc.assert(
    fc.property(
      anyScript(anyRow, { inputs: 1, maxRows: 40 }),
      anySpec,
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      (steps, spec, isBatchMode, batchRows) => {
        withWorkspace((ws) => {
          const { keys } = spec;
          const script = keys.length > 0 ? steps : steps.filter(({ kind }) => kind !== "restart");
          const inputs = [{ schema: SCHEMA, keys }];
          const create = () => new RankedRowsOperator(spec, SCHEMA);
          const harness = new StreamHarness(ws, create, inputs, { isBatchMode, batchRows });
          play(harness, script);
          if (isBatchMode) expect(harness.emitted.every(({ kind }) => kind === 0)).toBe(true);
          expect(shown(fold(harness.emitted))).toEqual(shown(rankedReference(rowsOf(script), spec)));
        });
      },
    ),
    { numRuns: cases(150) },
  );
});

const anyTtl = fc.record({
  ttlMs: fc.constantFrom(1, 3, 10, 40),
  timeDomain: fc.constantFrom("event" as const, "processing" as const),
});

/** Rows with and without an id: without one, several are equal. */
const schemaOf = (hasIds: boolean): Schema =>
  hasIds ? SCHEMA : (Schema.of({ k: int32, f: float64, text: utf8 }) as Schema);

/** Plays a script whose clock goes on by some milliseconds before each batch, and looks behind each. */
function watch(
  harness: StreamHarness,
  steps: readonly Step[],
  clockMs: readonly number[],
  columns: readonly string[],
  look: (changes: readonly ChangedRow[]) => void,
): void {
  const changes: ChangedRow[] = [];
  let nowMs = 0;
  for (const [i, step] of steps.entries()) {
    if (step.kind === "watermark") harness.watermark(step.timeMs);
    else if (step.kind === "restart") harness.restart(step.parallelism);
    else {
      nowMs += clockMs[i % clockMs.length];
      harness.processingTime(nowMs);
      const rows = step.rows.map(({ row, ...rest }) => {
        const picked = Object.fromEntries(columns.map((name) => [name, row[name]]));
        return { ...rest, row: picked, nowMs };
      });
      const marks = { times: rows.map(({ time }) => time) };
      const kinds = rows.map(({ kind = 0 }) => kind);
      const isChangelog = rows.some(({ kind }) => kind !== undefined);
      harness.rows(
        0,
        rows.map(({ row }) => row),
        isChangelog ? { ...marks, kinds } : marks,
      );
      changes.push(...rows);
      look(changes);
    }
  }
}

it("the changelog of rows ranked in a changelog folds to what a batch would give, behind every batch", () => {
  fc.assert(
    fc.property(
      anyScript(anyRow, { inputs: 1, maxRows: 40 }),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 12, size: "max" }),
      anySpec,
      fc.option(anyTtl, { nil: undefined }),
      fc.array(fc.constantFrom(0, 0, 2, 30), { minLength: 1, maxLength: 5, size: "max" }),
      fc.record({
        hasIds: fc.boolean(),
        takesBack: fc.constantFrom(true, true, false),
        batchRows: fc.integer({ min: 1, max: 9 }),
        fewestGone: fc.constantFrom(0, 3, 100),
      }),
      (given, choices, { keys, ...rest }, ttl, clockMs, { hasIds, takesBack, batchRows, fewestGone }) => {
        withWorkspace((ws) => {
          const spec = { ...rest, keys, isChangelogInput: takesBack, ...(ttl === undefined ? {} : { ttl }) };
          const steps = (takesBack ? retractSome(given, choices) : given).filter(
            ({ kind }) => keys.length > 0 || kind !== "restart",
          );
          const schema = schemaOf(hasIds);
          const create = () => new RankedRowsOperator(spec, schema, { fewestGone });
          const harness = new StreamHarness(ws, create, [{ schema, keys }], { batchRows });
          watch(harness, steps, clockMs, schema.names, (changes) => {
            expect(shown(fold(harness.emitted))).toEqual(shown(rankedReference(changes, spec)));
          });
          harness.end();
        });
      },
    ),
    { numRuns: cases(250) },
  );
});

it("lets a row of a key pass again once its time to live is over, whatever the cuts and restarts", () => {
  fc.assert(
    fc.property(
      anyScript(anyRow, { inputs: 1, maxRows: 40 }),
      anyTtl,
      fc.array(fc.constantFrom(0, 0, 2, 30), { minLength: 1, maxLength: 5, size: "max" }),
      fc.constantFrom(0, 2, 100),
      (steps, ttl, clockMs, fewestKeys) => {
        withWorkspace((ws) => {
          const spec = { kind: "firstRows", keys: ["k"], ttl } as const;
          const create = () => new FirstRowsOperator(spec, SCHEMA, { fewestKeys });
          const harness = new StreamHarness(ws, create, [{ schema: SCHEMA, keys: ["k"] }]);
          watch(harness, steps, clockMs, SCHEMA.names, (changes) => {
            const passed = new Map<unknown, number>();
            const expected = changes.filter(({ row, time, nowMs = 0 }) => {
              const now = ttl.timeDomain === "event" ? time : nowMs;
              const last = passed.get(row.k);
              if (last !== undefined && now < last + ttl.ttlMs) return false;
              passed.set(row.k, now);
              return true;
            });
            expect(shown(harness.emitted.map(({ row }) => row))).toEqual(shown(expected.map(({ row }) => row)));
          });
          harness.end();
        });
      },
    ),
    { numRuns: cases(150) },
  );
});

it("equal states of ranked rows are equal bytes, and a restored one is the one before", () => {
  const anyInput = fc.boolean().chain((isChangelogInput) => anySpec.map((spec) => ({ ...spec, isChangelogInput })));
  fc.assert(
    fc.property(anyScript(anyRow, { inputs: 1, restarts: false }), anyInput, (steps, spec) => {
      withWorkspace((ws) => {
        const inputs = [{ schema: SCHEMA, keys: spec.keys }];
        const harness = new StreamHarness(ws, () => new RankedRowsOperator(spec, SCHEMA), inputs);
        for (const step of steps) {
          if (step.kind !== "rows") continue;
          harness.rows(
            0,
            step.rows.map(({ row }) => row),
            { times: step.rows.map(({ time }) => time) },
          );
        }
        const before = harness.snapshotBytes();
        harness.restart(1);
        expect(harness.snapshotBytes()).toEqual(before);
        harness.close();
      });
    }),
    { numRuns: cases(60) },
  );
});

it("lets the first row of each key pass, with its event time, whatever the cuts and restarts", () => {
  fc.assert(
    fc.property(anyScript(anyRow, { inputs: 1 }), fc.constantFrom(["k"], ["f", "text"]), (steps, keys) => {
      withWorkspace((ws) => {
        const inputs = [{ schema: SCHEMA, keys }];
        const harness = new StreamHarness(ws, () => new FirstRowsOperator({ kind: "firstRows", keys }, SCHEMA), inputs);
        play(harness, steps);
        const expected = rankedReference(rowsOf(steps), { kind: "rankedRows", keys, order: [], count: 1 });
        expect(shown(harness.emitted.map(({ row }) => row))).toEqual(shown(expected));
        const times = new Map(rowsOf(steps).map(({ row, time }) => [row.id, time]));
        for (const { row, time, kind } of harness.emitted) expect([time, kind]).toEqual([times.get(row.id), 0]);
      });
    }),
    { numRuns: cases(120) },
  );
});
