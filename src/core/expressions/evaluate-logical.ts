import { Column } from "../column.ts";
import { buildColumn } from "../columns/builder.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { gatherColumn } from "../columns/gather.ts";
import { EvaluationError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import * as types from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { BoundLogical, BoundNode } from "./bound.ts";
import { allocateBits, repeatRow } from "./frame.ts";
import type { Scope } from "./scope.ts";

/**
 * Three-valued AND or OR. Where the right side fails, it runs again on only the rows that the left side leaves open, so
 * that `b.ne(0).and(a.intDiv(b).gt(2))` never divides by zero. The caller owns the result.
 */
export function evaluateLogical(scope: Scope, node: BoundLogical): Column {
  const { workspace } = scope;
  const left = boolColumn(scope, node.args[0]);
  try {
    const right = rightSide(scope, left, node);
    try {
      return combine(workspace, left, right, node.isOr);
    } finally {
      right.release();
    }
  } finally {
    left.release();
    scope.release(node.args);
  }
}

function rightSide(scope: Scope, left: Column, node: BoundLogical): Column {
  try {
    return boolColumn(scope, node.args[1]);
  } catch (error) {
    if (error instanceof EvaluationError) return rightWhereOpen(scope, left, node);
    throw error;
  }
}

/** A plain bool column of all rows, owned by the caller. */
function boolColumn(scope: Scope, node: BoundNode): Column {
  const column = scope.column(node);
  try {
    return decodeDictionary(scope.workspace, column);
  } finally {
    column.release();
  }
}

function combine(workspace: Workspace, left: Column, right: Column, isOr: boolean): Column {
  const { length } = left;
  const data = allocateBits(workspace, length);
  const { kernels } = workspace;
  const blocks = [data];
  let validity = 0;
  if (left.nullCount + right.nullCount > 0) {
    const block = allocateBits(workspace, length);
    blocks.push(block);
    validity = block.address;
  }
  kernels.booleanCombine(isOr, left.data, left.validity, right.data, right.validity, length, data.address, validity);
  const nullCount = validity === 0 ? 0 : length - kernels.bitmapCount(validity, length);
  return new Column(types.bool, length, { data: data.address, validity, nullCount }, blocks);
}

/** The right side, computed where the left side does not decide; null elsewhere. */
function rightWhereOpen(scope: Scope, left: Column, node: BoundLogical): Column {
  const { workspace, rowCount } = scope;
  const { kernels } = workspace;
  const open = allocateBits(workspace, rowCount);
  const rows = workspace.allocate((rowCount + 8) * 4);
  try {
    // Open is what is not known to be true (OR) or false (AND).
    if (node.isOr) kernels.booleanTrue(left.data, left.validity, rowCount, open.address);
    else {
      kernels.booleanNot(left.data, rowCount, open.address);
      kernels.booleanTrue(open.address, left.validity, rowCount, open.address);
    }
    kernels.booleanNot(open.address, rowCount, open.address);
    const count = kernels.booleanIndices(open.address, rowCount, rows.address);
    if (count === rowCount) return boolColumn(scope, node.args[1]);
    // A constant that fails must not run for no row at all.
    if (count === 0) return nullBools(workspace, rowCount);
    return scope.onRows(rows, count, (part) => {
      const some = boolColumn(part, node.args[1]);
      try {
        return spreadRows(workspace, some, rows, count, rowCount);
      } finally {
        some.release();
      }
    });
  } finally {
    open.release();
    rows.release();
  }
}

function nullBools(workspace: Workspace, rowCount: number): Column {
  const one = buildColumn(workspace, types.bool, [null]);
  try {
    return repeatRow(workspace, one, rowCount);
  } finally {
    one.release();
  }
}

/** A column of `rowCount` rows whose rows `rows` hold the given values; the others are null. */
function spreadRows(workspace: Workspace, column: Column, rows: Block, count: number, rowCount: number): Column {
  const positions = workspace.allocate(rowCount * 4);
  try {
    workspace.kernels.fillBytes(positions.address, 0xff, rowCount * 4);
    workspace.kernels.nullScatterRows(rows.address, count, 0, positions.address);
    return gatherColumn(workspace, column, positions.address, rowCount, true);
  } finally {
    positions.release();
  }
}
