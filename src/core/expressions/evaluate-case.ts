import { Column } from "../column.ts";
import { buildColumn } from "../columns/builder.ts";
import { concatColumns } from "../columns/concat.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { gatherColumn } from "../columns/gather.ts";
import { EvaluationError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import { byteWidth, type DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { BoundCase } from "./bound.ts";
import { allocateBits, allocatePadded, repeatRow } from "./frame.ts";
import type { Operand } from "./operand.ts";
import type { Scope } from "./scope.ts";

/**
 * Case expressions: every branch is computed for all rows and chosen from, which is fast. Where that fails, the failing
 * row may not take the branch that failed, so each condition and branch then runs on just the rows that reach it.
 * The caller owns the result.
 */
export function evaluateCase(scope: Scope, node: BoundCase): Column {
  try {
    return atOnce(scope, node);
  } catch (error) {
    if (error instanceof EvaluationError) return inTurns(scope, node);
    throw error;
  }
}

/** Rows (bits) and the value that they take. */
interface Choice {
  bits: Block;
  operand: Operand;
}

function atOnce(scope: Scope, node: BoundCase): Column {
  const { workspace, rowCount } = scope;
  const { kernels } = workspace;
  const blocks: Block[] = [];
  const choices: Choice[] = [];
  const rest = allocateBits(workspace, rowCount);
  blocks.push(rest);
  kernels.fillBytes(rest.address, 0xff, rest.byteLength);
  try {
    let open = rowCount;
    for (const { when, value } of node.branches) {
      if (open === 0) break;
      const bits = scope.trueBits(when);
      blocks.push(bits);
      kernels.booleanBits(0, bits.address, rest.address, rowCount, bits.address);
      const count = kernels.bitmapCount(bits.address, rowCount);
      if (count === 0) continue;
      kernels.booleanBits(3, rest.address, bits.address, rowCount, rest.address);
      open -= count;
      choices.push({ bits, operand: scope.value(value) });
    }
    if (open > 0 || rowCount === 0) choices.push({ bits: rest, operand: scope.value(node.otherwise) });
    return choose(workspace, node.type, rowCount, choices);
  } finally {
    for (const block of blocks) block.release();
  }
}

function choose(workspace: Workspace, type: DataType, rowCount: number, choices: readonly Choice[]): Column {
  if (choices.length === 1) {
    const { column, isSingle } = choices[0].operand;
    return isSingle ? repeatRow(workspace, column, rowCount) : column.retain();
  }
  if (type.kind === "bool" || byteWidth(type) > 0) return chooseFixed(workspace, type, rowCount, choices);
  const isText = type.kind === "utf8" || type.kind === "binary";
  if (isText && choices.every(({ operand }) => operand.isSingle))
    return chooseEntry(workspace, type, rowCount, choices);
  return chooseByGather(workspace, rowCount, choices);
}

function chooseFixed(workspace: Workspace, type: DataType, rowCount: number, choices: readonly Choice[]): Column {
  const { kernels } = workspace;
  const width = byteWidth(type);
  const plain = choices.map(({ operand }) => decodeDictionary(workspace, operand.column));
  const data = type.kind === "bool" ? allocateBits(workspace, rowCount) : allocatePadded(workspace, rowCount * width);
  const hasNulls = plain.some((column) => column.nullCount > 0);
  const validity = hasNulls ? allocateBits(workspace, rowCount) : undefined;
  const bitsOf = (i: number) => (choices[i].operand.isSingle ? workspace.u8[plain[i].data] & 1 : plain[i].data);
  const validityOf = (i: number) =>
    plain[i].nullCount === 0 ? 1 : choices[i].operand.isSingle ? 0 : plain[i].validity;
  const last = choices.length - 1;
  for (let i = last - 1; i >= 0; i--) {
    const bits = choices[i].bits.address;
    const isFirst = i === last - 1;
    // The result of the later choices is the alternative of the earlier ones.
    if (type.kind === "bool") {
      kernels.nullChooseBits(bits, bitsOf(i), isFirst ? bitsOf(last) : data.address, rowCount, data.address);
    } else {
      const right = isFirst ? plain[last].data : data.address;
      const isRightSingle = isFirst && choices[last].operand.isSingle;
      const isLeftSingle = choices[i].operand.isSingle;
      kernels.nullChoose(width, bits, plain[i].data, isLeftSingle, right, isRightSingle, rowCount, data.address);
    }
    if (validity !== undefined) {
      const right = isFirst ? validityOf(last) : validity.address;
      kernels.nullChooseBits(bits, validityOf(i), right, rowCount, validity.address);
    }
  }
  for (const column of plain) column.release();
  const nullCount = validity === undefined ? 0 : rowCount - kernels.bitmapCount(validity.address, rowCount);
  const blocks = validity === undefined ? [data] : [data, validity];
  return new Column(type, rowCount, { data: data.address, validity: validity?.address ?? 0, nullCount }, blocks);
}

/** All values are constants: they become a dictionary. */
function chooseEntry(workspace: Workspace, type: DataType, rowCount: number, choices: readonly Choice[]): Column {
  const { kernels } = workspace;
  const entries = choices.filter(({ operand }) => operand.column.nullCount === 0);
  if (entries.length === 0) return repeatRow(workspace, choices[0].operand.column, rowCount);
  const dictionary = concatColumns(
    workspace,
    entries.map(({ operand }) => operand.column),
  );
  const data = workspace.allocateZeroed(rowCount * 4);
  const blocks = [data];
  for (const [i, { bits }] of entries.entries()) {
    kernels.nullBranchRows(bits.address, i, true, rowCount, data.address);
  }
  let validity = 0;
  let nullCount = 0;
  if (entries.length < choices.length) {
    const bits = allocateBits(workspace, rowCount);
    kernels.fillBytes(bits.address, 0, bits.byteLength);
    for (const choice of entries) kernels.booleanBits(1, bits.address, choice.bits.address, rowCount, bits.address);
    nullCount = rowCount - kernels.bitmapCount(bits.address, rowCount);
    validity = bits.address;
    blocks.push(bits);
  }
  return new Column(type, rowCount, { data: data.address, dictionary, validity, nullCount }, blocks);
}

/** Text and nested values: gathered from all branch values laid end to end. */
function chooseByGather(workspace: Workspace, rowCount: number, choices: readonly Choice[]): Column {
  const rows = workspace.allocateZeroed(rowCount * 4);
  const joined = concatColumns(
    workspace,
    choices.map(({ operand }) => operand.column),
  );
  let base = 0;
  for (const { bits, operand } of choices) {
    workspace.kernels.nullBranchRows(bits.address, base, operand.isSingle, rowCount, rows.address);
    base += operand.column.length;
  }
  try {
    return gatherColumn(workspace, joined, rows.address, rowCount);
  } finally {
    joined.release();
    rows.release();
  }
}

/** Rows that took a branch, and their values. */
interface Piece {
  rows: Block;
  count: number;
  column: Column;
}

function inTurns(scope: Scope, node: BoundCase): Column {
  const { workspace, rowCount } = scope;
  const { kernels } = workspace;
  const blocks: Block[] = [];
  const pieces: Piece[] = [];
  const allocateRows = (count: number) => {
    const block = workspace.allocate((count + 8) * 4);
    blocks.push(block);
    return block;
  };
  let rest = allocateRows(rowCount);
  let restCount = rowCount;
  kernels.fillSequence32(0, rowCount, rest.address);
  const take = (rows: Block, count: number, part: BoundCase["otherwise"]) => {
    if (count === 0) return;
    pieces.push({ rows, count, column: scope.onRows(rows, count, (some) => some.column(part)) });
  };
  try {
    for (const { when, value } of node.branches) {
      if (restCount === 0) break;
      const bits = scope.onRows(rest, restCount, (some) => some.trueBits(when));
      blocks.push(bits);
      const inner = allocateRows(restCount);
      const taken = allocateRows(restCount);
      const takenCount = kernels.booleanIndices(bits.address, restCount, inner.address);
      kernels.nullComposeRows(rest.address, inner.address, takenCount, taken.address);
      take(taken, takenCount, value);
      kernels.booleanNot(bits.address, restCount, bits.address);
      const next = allocateRows(restCount);
      const nextCount = kernels.booleanIndices(bits.address, restCount, inner.address);
      kernels.nullComposeRows(rest.address, inner.address, nextCount, next.address);
      rest = next;
      restCount = nextCount;
    }
    take(rest, restCount, node.otherwise);
    return assemble(workspace, scope, node, pieces);
  } finally {
    for (const { column } of pieces) column.release();
    for (const block of blocks) block.release();
  }
}

/** Puts the pieces' values back into row order. */
function assemble(workspace: Workspace, scope: Scope, node: BoundCase, pieces: readonly Piece[]): Column {
  const { rowCount } = scope;
  if (pieces.length === 0) return buildColumn(workspace, node.type, []);
  const positions = workspace.allocate(rowCount * 4);
  const joined = concatColumns(
    workspace,
    pieces.map((piece) => piece.column),
  );
  try {
    let base = 0;
    for (const { rows, count } of pieces) {
      workspace.kernels.nullScatterRows(rows.address, count, base, positions.address);
      base += count;
    }
    return gatherColumn(workspace, joined, positions.address, rowCount);
  } finally {
    joined.release();
    positions.release();
  }
}
