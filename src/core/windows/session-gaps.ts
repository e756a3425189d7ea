import type { Batch } from "../batch.ts";
import type { Column } from "../column.ts";
import { decodeDictionary } from "../columns/dictionary.ts";
import { EvaluationError, PlanError } from "../errors.ts";
import { type CompiledExpression, compileExpression } from "../expressions/evaluate.ts";
import type { ExpressionNode } from "../expressions/node.ts";
import type { Address } from "../memory/allocator.ts";
import type { Schema } from "../schema.ts";
import { formatType, int64 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { SessionWindowSpec } from "./window-spec.ts";

/** The gap of each row: i64 at `gaps`, or `gapMs` for all where that is 0. The least of them is `leastMs`. */
export interface Gaps {
  readonly gaps: Address;
  readonly gapMs: number;
  readonly leastMs: number;
}

/** The gaps of the rows of sessions: one for all, or from an expression over their columns. */
export class SessionGaps {
  readonly #window: SessionWindowSpec;
  readonly #schema: Schema;
  readonly #node: ExpressionNode | undefined;
  #compiled: CompiledExpression | undefined;

  /** @throws {PlanError} WINDOW_GAP_INVALID, and those of the expression */
  constructor(window: SessionWindowSpec, schema: Schema) {
    this.#window = window;
    this.#schema = schema;
    this.#node = "gap" in window ? wholeMilliseconds(window.gap, schema) : undefined;
  }

  open(): void {
    if (this.#node !== undefined) this.#compiled = compileExpression(this.#node, this.#schema);
  }

  /**
   * What `use` gives for the gaps of the rows of a batch, which are there during the call.
   * @throws {EvaluationError} SESSION_GAP_INVALID
   */
  of<T>(workspace: Workspace, batch: Batch, use: (gaps: Gaps) => T): T {
    if (this.#compiled === undefined) {
      const gapMs = "gapMs" in this.#window ? this.#window.gapMs : 0;
      return use({ gaps: 0, gapMs, leastMs: gapMs });
    }
    const encoded = this.#compiled.evaluate(workspace, batch);
    const column = decodeDictionary(workspace, encoded);
    encoded.release();
    try {
      return use({ gaps: column.data, gapMs: 0, leastMs: leastGap(workspace, column) });
    } finally {
      column.release();
    }
  }

  close(): void {
    this.#compiled?.close();
    this.#compiled = undefined;
  }
}

function leastGap(workspace: Workspace, { data, length, nullCount }: Column): number {
  const leastMs = nullCount > 0 ? Number.NaN : workspace.kernels.eventTimeMin(data, length);
  if (leastMs > 0) return leastMs;
  throw new EvaluationError(
    "SESSION_GAP_INVALID",
    `A row has the session gap ${Number.isNaN(leastMs) ? "null" : `${leastMs} ms`}.`,
    "Give a gap greater than 0 for every row.",
  );
}

/** @throws {PlanError} WINDOW_GAP_INVALID */
function wholeMilliseconds(gap: ExpressionNode, schema: Schema): ExpressionNode {
  const compiled = compileExpression(gap, schema);
  const { type } = compiled;
  compiled.close();
  if (type.kind === "int64") return gap;
  if (type.kind === "int32") return { kind: "cast", input: gap, to: int64, safe: false };
  throw new PlanError(
    "WINDOW_GAP_INVALID",
    `The gap of a session has type ${formatType(type)}.`,
    "Give an int32 or int64 expression: milliseconds.",
  );
}
