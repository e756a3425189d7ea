import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { buildColumn } from "../columns/builder.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { gatherColumn } from "../columns/gather.ts";
import { assert, EvaluationError, InternalError } from "../errors.ts";
import type { Block } from "../memory/block.ts";
import type { Schema } from "../schema.ts";
import type { DataType } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import { bindExpression, type Program } from "./bind.ts";
import type { BoundCall, BoundNode } from "./bound.ts";
import { evaluateCase } from "./evaluate-case.ts";
import { evaluateLogical } from "./evaluate-logical.ts";
import { allocateBits, Frame, repeatRow } from "./frame.ts";
import { literalValue } from "./literal.ts";
import type { ExpressionNode } from "./node.ts";
import type { Operand } from "./operand.ts";
import type { Scope } from "./scope.ts";

/** An expression made ready for one schema. Constants are computed once and kept: close it when done. */
export interface CompiledExpression {
  readonly type: DataType;
  /**
   * The expression's values, one per row of the batch, which is borrowed. The caller owns the result; a plain column
   * reference gives that column itself.
   * @throws {EvaluationError} EXPRESSION_OVERFLOW, EXPRESSION_DIVIDE_BY_ZERO, CAST_FAILED, ...; nothing is leaked then.
   */
  evaluate(workspace: Workspace, batch: Batch): Column;
  /** Releases the kept constants. The expression can be evaluated again afterwards. */
  close(): void;
}

/** @throws {PlanError} as `bindExpression`. */
export function compileExpression(node: ExpressionNode, schema: Schema): CompiledExpression {
  const program = bindExpression(node, schema);
  const constants = new Constants();
  return {
    type: program.root.type,
    evaluate(workspace, batch) {
      const evaluation = new Evaluation(program, constants, workspace, new BatchRows(batch));
      try {
        return evaluation.column(program.root);
      } finally {
        evaluation.close();
      }
    },
    close: () => constants.close(),
  };
}

/** The rows that an evaluation reads. */
export interface RowSource {
  readonly rowCount: number;
  /** A column by its position in the schema, borrowed. */
  column(index: number): Column;
  close(): void;
}

export class BatchRows implements RowSource {
  readonly rowCount: number;
  readonly #batch: Batch;

  constructor(batch: Batch) {
    this.rowCount = batch.rowCount;
    this.#batch = batch;
  }

  column(index: number): Column {
    return this.#batch.columns[index];
  }

  close(): void {}
}

/** Some rows of another source; columns are gathered when they are first read. */
class SelectedRows implements RowSource {
  readonly rowCount: number;
  readonly #workspace: Workspace;
  readonly #source: RowSource;
  readonly #indices: Block;
  readonly #columns = new Map<number, Column>();

  constructor(workspace: Workspace, source: RowSource, indices: Block, count: number) {
    this.rowCount = count;
    this.#workspace = workspace;
    this.#source = source;
    this.#indices = indices;
  }

  column(index: number): Column {
    let column = this.#columns.get(index);
    if (column === undefined) {
      column = gatherColumn(this.#workspace, this.#source.column(index), this.#indices.address, this.rowCount);
      this.#columns.set(index, column);
    }
    return column;
  }

  close(): void {
    for (const column of this.#columns.values()) column.release();
    this.#columns.clear();
  }
}

/** What constants are computed over. */
const ONE_ROW: RowSource = {
  rowCount: 1,
  column: (index) => {
    throw new InternalError(`A constant expression reads column ${index}.`);
  },
  close() {},
};

/** Values of constant subexpressions, computed once per workspace. */
export class Constants {
  #workspace: Workspace | undefined;
  readonly #columns = new Map<number, Column>();

  get(workspace: Workspace, node: BoundNode): Column | undefined {
    if (this.#workspace !== workspace) this.close();
    this.#workspace = workspace;
    return this.#columns.get(node.id);
  }

  set(node: BoundNode, column: Column): void {
    this.#columns.set(node.id, column);
  }

  close(): void {
    for (const column of this.#columns.values()) column.release();
    this.#columns.clear();
  }
}

/** One program over one set of rows. Every value is computed once and kept until `close`, or until its last use. */
export class Evaluation implements Scope {
  readonly workspace: Workspace;
  readonly rows: RowSource;
  readonly #program: Program;
  readonly #constants: Constants;
  readonly #values = new Map<number, Operand>();
  readonly #remainingUses: Uint32Array;

  constructor(program: Program, constants: Constants, workspace: Workspace, rows: RowSource) {
    this.#program = program;
    this.#constants = constants;
    this.workspace = workspace;
    this.rows = rows;
    this.#remainingUses = Uint32Array.from(usesOf(program));
  }

  get rowCount(): number {
    return this.rows.rowCount;
  }

  /** The node's values as one column of all rows, owned by the caller. */
  column(node: BoundNode): Column {
    // Not even a constant may fail for no row at all.
    if (this.rowCount === 0) return buildColumn(this.workspace, node.type, []);
    const { column, isSingle } = this.value(node);
    return isSingle ? repeatRow(this.workspace, column, this.rowCount) : column.retain();
  }

  /** The node's values, borrowed from the evaluation. */
  value(node: BoundNode): Operand {
    if (node.kind === "column") return { column: this.rows.column(node.index), isSingle: false };
    if (node.isConstant) return { column: this.#constant(node), isSingle: true };
    let value = this.#values.get(node.id);
    if (value === undefined) {
      value = this.#compute(node);
      this.#values.set(node.id, value);
    }
    return value;
  }

  /** Bits of a bool node that are set where it is true (not false, not null); the caller owns the block. */
  trueBits(node: BoundNode): Block {
    const { column, isSingle } = this.value(node);
    const { kernels } = this.workspace;
    const bits = allocateBits(this.workspace, this.rowCount);
    if (isSingle) {
      const isTrue = column.nullCount === 0 && (this.workspace.u8[column.data] & 1) === 1;
      kernels.fillBytes(bits.address, isTrue ? 0xff : 0, bits.byteLength);
      return bits;
    }
    if (column.dictionary === undefined) {
      kernels.booleanTrue(column.data, column.validity, this.rowCount, bits.address);
      return bits;
    }
    const plain = decodeDictionary(this.workspace, column);
    kernels.booleanTrue(plain.data, plain.validity, this.rowCount, bits.address);
    plain.release();
    return bits;
  }

  /** Runs `use` with an evaluation of the same program over some of the rows. */
  onRows<T>(indices: Block, count: number, use: (evaluation: Evaluation) => T): T {
    const rows = new SelectedRows(this.workspace, this.rows, indices, count);
    const evaluation = new Evaluation(this.#program, this.#constants, this.workspace, rows);
    try {
      return use(evaluation);
    } finally {
      evaluation.close();
      rows.close();
    }
  }

  /** Says that a user of these nodes is done: values that nobody else needs are released. */
  release(nodes: readonly BoundNode[]): void {
    for (const node of nodes) {
      if (--this.#remainingUses[node.id] > 0) continue;
      this.#values.get(node.id)?.column.release();
      this.#values.delete(node.id);
    }
  }

  close(): void {
    for (const { column } of this.#values.values()) column.release();
    this.#values.clear();
  }

  #constant(node: BoundNode): Column {
    const known = this.#constants.get(this.workspace, node);
    if (known !== undefined) return known;
    let column: Column;
    if (node.kind === "literal") column = buildColumn(this.workspace, node.type, [literalValue(node.literal)]);
    else if (node.kind === "list") column = buildColumn(this.workspace, node.type, node.literals.map(literalValue));
    else {
      const evaluation = new Evaluation(this.#program, this.#constants, this.workspace, ONE_ROW);
      try {
        column = decoded(this.workspace, evaluation.#compute(node).column);
      } finally {
        evaluation.close();
      }
    }
    this.#constants.set(node, column);
    return column;
  }

  /** The caller owns the column of the result. */
  #compute(node: BoundNode): Operand {
    switch (node.kind) {
      case "call":
        return this.#call(node);
      case "logical":
        return { column: evaluateLogical(this, node), isSingle: false };
      case "case":
        return { column: evaluateCase(this, node), isSingle: false };
      default:
        assert(false, `a ${node.kind} is not computed`);
    }
  }

  #call(node: BoundCall): Operand {
    const args = node.args.map((arg) => this.value(arg));
    const { routine } = node;
    if (routine.nulls === "strict") {
      if (args.some(({ column, isSingle }) => isSingle && column.nullCount > 0)) {
        return { column: buildColumn(this.workspace, node.type, [null]), isSingle: true };
      }
      const onEntries = this.#onDictionary(node, args);
      if (onEntries !== undefined) {
        this.release(node.args);
        return { column: onEntries, isSingle: false };
      }
    }
    // One value for all rows again, where every argument turned out to be one (a null, say).
    const isSingle = args.length > 0 && args.every((arg) => arg.isSingle);
    const column = run(this.workspace, node, args, isSingle ? 1 : this.rowCount);
    this.release(node.args);
    return { column, isSingle };
  }

  /** Runs a call of one dictionary column on the entries, where these are no more than the rows. */
  #onDictionary(node: BoundCall, args: readonly Operand[]): Column | undefined {
    const encoded = args.find(({ isSingle }) => !isSingle)?.column;
    const dictionary = encoded?.dictionary;
    if (encoded === undefined || dictionary === undefined || dictionary.length > this.rowCount) return undefined;
    if (args.some(({ isSingle, column }) => !isSingle && column !== encoded)) return undefined;
    const entryArgs = args.map((arg) => (arg.isSingle ? arg : { column: dictionary, isSingle: false }));
    let entries: Column;
    try {
      entries = run(this.workspace, node, entryArgs, dictionary.length);
    } catch (error) {
      // The entry that fails may belong to no row: only the rows can tell.
      if (error instanceof EvaluationError) return undefined;
      throw error;
    }
    try {
      return reencode(this.workspace, encoded, entries);
    } finally {
      entries.release();
    }
  }
}

const uses = new WeakMap<Program, Uint32Array>();

/** How often each node is an argument, plus once for the root. */
function usesOf(program: Program): Uint32Array {
  let counts = uses.get(program);
  if (counts === undefined) {
    const counted = new Uint32Array(program.nodes.length);
    counts = counted;
    const visit = (node: BoundNode) => {
      if (++counted[node.id] === 1) inputsOf(node).forEach(visit);
    };
    program.roots.forEach(visit);
    uses.set(program, counts);
  }
  return counts;
}

function inputsOf(node: BoundNode): readonly BoundNode[] {
  switch (node.kind) {
    case "call":
    case "logical":
      return node.args;
    case "case":
      return [...node.branches.flatMap(({ when, value }) => [when, value]), node.otherwise];
    default:
      return [];
  }
}

/** Runs a routine; dictionary arguments are decoded first. The caller owns the result. */
function run(workspace: Workspace, node: BoundCall, args: readonly Operand[], rowCount: number): Column {
  const takesDictionaries = node.routine.takesDictionaries === true;
  const plain = args.map(({ column, isSingle }) => ({
    column: takesDictionaries ? column.retain() : decodeDictionary(workspace, column),
    isSingle,
  }));
  const frame = new Frame(workspace, rowCount, node.source, node.routine.nulls === "strict" ? plain : []);
  try {
    return node.routine.run(frame, plain);
  } finally {
    frame.close();
    for (const { column } of plain) column.release();
  }
}

/** Values of dictionary entries as values of the rows: still encoded where that is possible. */
function reencode(workspace: Workspace, encoded: Column, entries: Column): Column {
  const rowCount = encoded.length;
  const isText = entries.type.kind === "utf8" || entries.type.kind === "binary";
  const { nullCount, validity, data } = encoded;
  if (isText && entries.nullCount === 0 && entries.dictionary === undefined && entries.length > 0) {
    return encoded.viewAs(entries.type, rowCount, { nullCount, validity, data, dictionary: entries });
  }
  const values = gatherColumn(workspace, entries, data, rowCount);
  if (nullCount === 0) return values;
  try {
    const bits = allocateBits(workspace, rowCount);
    const { kernels } = workspace;
    if (values.nullCount === 0) kernels.copyBytes(bits.address, validity, (rowCount + 7) >>> 3);
    else kernels.bitmapAnd(values.validity, validity, rowCount, bits.address);
    const combined = rowCount - kernels.bitmapCount(bits.address, rowCount);
    return values.view(rowCount, { ...values.layout, nullCount: combined, validity: bits.address }, [bits]);
  } finally {
    values.release();
  }
}

function decoded(workspace: Workspace, column: Column): Column {
  const plain = decodeDictionary(workspace, column);
  column.release();
  return plain;
}
