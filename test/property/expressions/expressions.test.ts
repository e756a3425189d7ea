import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import type { Column } from "../../../src/core/column.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { buildColumn } from "../../../src/core/columns/builder.ts";
import { columnReader } from "../../../src/core/columns/read.ts";
import { sliceBatch } from "../../../src/core/columns/slice.ts";
import { EvaluationError, PlanError } from "../../../src/core/errors.ts";
import { resolveType } from "../../../src/core/expressions/bind.ts";
import { compileExpression } from "../../../src/core/expressions/evaluate.ts";
import { foldConstants } from "../../../src/core/expressions/fold.ts";
import { formatExpression } from "../../../src/core/expressions/format.ts";
import type { ExpressionNode } from "../../../src/core/expressions/node.ts";
import { compilePredicate } from "../../../src/core/expressions/predicate.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { evaluateReference, Failure } from "../../reference/expressions.ts";
import { inWords } from "../../support/decimal-words.ts";
import { withWorkspace } from "../../support/workspace.ts";
import { anyExpression, anyRows, schema } from "./arbitraries.ts";

type Outcome = { values: unknown[] } | { failure: true };

const RUNS = { numRuns: 1500 };
const depth = 3;
const any = anyExpression(depth);
const anyNode = fc.oneof(any.number, any.condition, any.text);

/** Expressions whose types do not go together are refused at plan time: no case for these laws. */
function isPlannable(node: ExpressionNode): boolean {
  try {
    resolveType(node, schema);
    return true;
  } catch (error) {
    if (error instanceof PlanError) return false;
    throw error;
  }
}

function evaluate(workspace: Workspace, node: ExpressionNode, batch: Batch): Outcome {
  const compiled = compileExpression(node, schema);
  try {
    const column = compiled.evaluate(workspace, batch);
    const read = columnReader(workspace, column);
    const values = Array.from({ length: batch.rowCount }, (_, row) => read(row));
    column.release();
    return { values };
  } catch (error) {
    if (error instanceof EvaluationError) return { failure: true };
    throw error;
  } finally {
    compiled.close();
  }
}

function reference(node: ExpressionNode, rows: readonly Record<string, unknown>[]): Outcome {
  try {
    return { values: rows.map((row) => evaluateReference(node, row, schema)) };
  } catch (error) {
    if (error instanceof Failure) return { failure: true };
    throw error;
  }
}

/** -0 is told from 0, and NaN is NaN. */
const shown = (outcome: Outcome) =>
  "failure" in outcome
    ? "failure"
    : outcome.values.map((value) => (Object.is(value, -0) ? "-0" : typeof value === "bigint" ? `${value}n` : value));

/**
 * The same rows with text columns dictionary-encoded (every row has an entry of its own, and some repeat), and decimals
 * in words.
 */
function encode(workspace: Workspace, batch: Batch): Batch {
  const columns = batch.columns.map((column) =>
    column.type.kind === "utf8" || column.type.kind === "int32"
      ? encodeColumn(workspace, column)
      : inWords(workspace, column),
  );
  return new Batch(batch.schema, batch.rowCount, columns);
}

function encodeColumn(workspace: Workspace, column: Column): Column {
  const read = columnReader(workspace, column);
  const values = Array.from({ length: column.length }, (_, row) => read(row));
  const entries = [...new Set(values.filter((value) => value !== null))];
  // An entry that no row has may fail without any row failing.
  entries.push(column.type.kind === "utf8" ? "unused" : 2_147_483_647);
  const dictionary = buildColumn(workspace, column.type, entries);
  const indices = buildColumn(
    workspace,
    { kind: "int32" },
    values.map((value) => (value === null ? null : entries.indexOf(value))),
  );
  const encoded = indices.viewAs(column.type, column.length, { ...indices.layout, dictionary });
  indices.release();
  dictionary.release();
  return encoded;
}

describe("an expression over a batch", () => {
  it("gives each row what the reference gives it, or fails where the reference fails", () =>
    fc.assert(
      fc.property(anyNode.filter(isPlannable), anyRows, (node, rows) =>
        withWorkspace((workspace) => {
          const batch = buildBatch(workspace, schema, rows);
          const actual = evaluate(workspace, node, batch);
          batch.release();
          expect(shown(actual), formatExpression(node)).toEqual(shown(reference(node, rows)));
        }),
      ),
      RUNS,
    ));

  it("does not depend on how columns are encoded", () =>
    fc.assert(
      fc.property(anyNode.filter(isPlannable), anyRows, (node, rows) =>
        withWorkspace((workspace) => {
          const batch = buildBatch(workspace, schema, rows);
          const encoded = encode(workspace, batch);
          const plain = evaluate(workspace, node, batch);
          const actual = evaluate(workspace, node, encoded);
          batch.release();
          encoded.release();
          expect(shown(actual), formatExpression(node)).toEqual(shown(plain));
        }),
      ),
      { numRuns: 500 },
    ));

  it("gives a slice the rows of the slice, at every bit offset", () =>
    fc.assert(
      fc.property(anyNode.filter(isPlannable), anyRows, fc.nat(20), fc.nat(30), (node, rows, start, length) =>
        withWorkspace((workspace) => {
          fc.pre(start + length <= rows.length);
          const batch = buildBatch(workspace, schema, rows);
          const slice = sliceBatch(workspace, batch, start, length);
          const actual = evaluate(workspace, node, slice);
          batch.release();
          slice.release();
          expect(shown(actual)).toEqual(shown(reference(node, rows.slice(start, start + length))));
        }),
      ),
      { numRuns: 500 },
    ));

  it("keeps its type and its values when constants are folded", () =>
    fc.assert(
      fc.property(anyNode.filter(isPlannable), anyRows, (node, rows) =>
        withWorkspace((workspace) => {
          const folded = foldConstants(node, schema, workspace);
          expect(resolveType(folded, schema)).toEqual(resolveType(node, schema));
          const batch = buildBatch(workspace, schema, rows);
          const plain = evaluate(workspace, node, batch);
          const actual = evaluate(workspace, folded, batch);
          batch.release();
          // A condition that is decided anyway may lose a part that fails; nothing that works may start to fail.
          if (!("failure" in plain)) expect(shown(actual), formatExpression(folded)).toEqual(shown(plain));
        }),
      ),
      { numRuns: 500 },
    ));
});

describe("a predicate", () => {
  it("selects exactly the rows for which its value is true", () =>
    fc.assert(
      fc.property(any.condition.filter(isPlannable), anyRows, (node, rows) =>
        withWorkspace((workspace) => {
          const batch = buildBatch(workspace, schema, rows);
          const values = evaluate(workspace, node, batch);
          const compiled = compilePredicate(node, schema);
          try {
            if ("failure" in values) return;
            const selection = compiled.select(workspace, batch);
            const expected = values.values.flatMap((value, row) => (value === true ? [row] : []));
            if (selection === "none") expect(expected).toEqual([]);
            else if (selection === "all") expect(expected).toHaveLength(rows.length);
            else {
              const from = selection.indices.address >>> 2;
              expect([...workspace.u32.subarray(from, from + selection.count)]).toEqual(expected);
              selection.indices.release();
            }
          } finally {
            compiled.close();
            batch.release();
          }
        }),
      ),
      { numRuns: 1000 },
    ));
});
