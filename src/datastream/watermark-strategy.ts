import { checkCallable } from "../api/check-function.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { type AcceptsColumns, Expression } from "../core/expressions/expression.ts";
import { columnNode } from "../core/expressions/node.ts";
import type { RowOf } from "../core/schema.ts";
import type { TimestampSpec, WatermarkGenerator, WatermarkStrategySpec } from "../core/time/watermark-strategy.ts";
import type { Fields } from "../core/types.ts";
import { checkedName } from "./arguments.ts";

/**
 * How a stream gets its event time: which time a row has, and how late rows may come behind later ones.
 * @example WatermarkStrategy.boundedOutOfOrderness(5_000).withTimestamps("eventTime").withIdleness(60_000)
 */
export class WatermarkStrategy<F extends Fields = Fields> {
  declare readonly $fields: F;
  readonly spec: WatermarkStrategySpec;

  private constructor(spec: WatermarkStrategySpec) {
    this.spec = spec;
  }

  /** Rows come at most `delayMs` milliseconds of event time behind the latest one. @throws {PlanError} OPTION_INVALID */
  static boundedOutOfOrderness<F extends Fields = Fields>(delayMs: number): WatermarkStrategy<F> {
    return new WatermarkStrategy({
      timestamps: { kind: "kept" },
      generator: { kind: "boundedOutOfOrderness", delayMs: milliseconds("boundedOutOfOrderness", delayMs, 0) },
    });
  }

  /** Rows come in the order of their times. */
  static monotonous<F extends Fields = Fields>(): WatermarkStrategy<F> {
    return new WatermarkStrategy({
      timestamps: { kind: "kept" },
      generator: { kind: "boundedOutOfOrderness", delayMs: 0 },
    });
  }

  /** No watermark before the end of the input: windows of event time close only there. */
  static noWatermarks<F extends Fields = Fields>(): WatermarkStrategy<F> {
    return new WatermarkStrategy({ timestamps: { kind: "kept" }, generator: { kind: "none" } });
  }

  /** Watermarks of one's own; `create` is called once per split. */
  static custom<F extends Fields = Fields>(create: () => WatermarkGenerator): WatermarkStrategy<F> {
    checkCallable("WatermarkStrategy.custom", create);
    return new WatermarkStrategy({ timestamps: { kind: "kept" }, generator: { kind: "custom", create } });
  }

  /** @internal For the environment: the time at which the source reads a row. */
  static ingestionTime<F extends Fields = Fields>(): WatermarkStrategy<F> {
    return new WatermarkStrategy<F>({
      timestamps: { kind: "ingestion" },
      generator: { kind: "boundedOutOfOrderness", delayMs: 0 },
    });
  }

  /**
   * Where the time of a row stands: a column or expression of type timestamp, date or whole number (epoch milliseconds),
   * or a function of the row that gives epoch milliseconds or a Date.
   */
  withTimestamps<const N extends keyof F & string>(column: N): WatermarkStrategy<F>;
  withTimestamps<const E extends Expression>(expression: E & AcceptsColumns<E, keyof F & string>): WatermarkStrategy<F>;
  withTimestamps(timestampOf: (row: RowOf<F>) => number | bigint | Date): WatermarkStrategy<F>;
  withTimestamps(given: string | Expression | ((row: RowOf<F>) => number | bigint | Date)): WatermarkStrategy<F> {
    return new WatermarkStrategy({ ...this.spec, timestamps: timestampSpec(given as never) });
  }

  /** A split without a row for so long (processing time) no longer holds the others back. */
  withIdleness(idlenessMs: number): WatermarkStrategy<F> {
    return new WatermarkStrategy({ ...this.spec, idlenessMs: milliseconds("withIdleness", idlenessMs, 1) });
  }

  /**
   * Sources that name the same group wait for each other: none runs ahead of the slowest by more than `maxDriftMs`.
   * @throws {PlanError} ARGUMENT_INVALID, OPTION_INVALID
   */
  withAlignment(group: string, maxDriftMs: number): WatermarkStrategy<F> {
    return new WatermarkStrategy({
      ...this.spec,
      alignment: {
        group: checkedName("withAlignment", group),
        maxDriftMs: milliseconds("withAlignment", maxDriftMs, 0),
      },
    });
  }
}

function timestampSpec(given: string | Expression | ((row: never) => number)): TimestampSpec {
  if (typeof given === "string") return { kind: "expression", expression: columnNode(given) };
  if (given instanceof Expression) return { kind: "expression", expression: given.node };
  if (typeof given === "function") return { kind: "function", timestampOf: given as never };
  throw new PlanError(
    "EVENT_TIME_TYPE",
    `withTimestamps was given ${describeValue(given)}.`,
    "Name a column, or give an expression or a function of the row.",
  );
}

function milliseconds(method: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new PlanError(
    "OPTION_INVALID",
    `${method} was given ${describeValue(value)} milliseconds.`,
    `Give a whole number from ${least}.`,
  );
}
