import { describeValue } from "../describe-value.ts";
import { EvaluationError } from "../errors.ts";
import type { ProcessLife } from "../process/contexts.ts";
import { type ProcessOptions, ProcessRows, type RowCall } from "../process/process-rows.ts";
import type { Row } from "../rows/row-view.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import type { Schema } from "../schema.ts";

/** Makes a row of each row of two streams. */
export interface CoMapFunction extends ProcessLife {
  map1(row: Row, context: RuntimeContext): object;
  map2(row: Row, context: RuntimeContext): object;
}

/** Makes any number of rows of each row of two streams. */
export interface CoFlatMapFunction extends ProcessLife {
  flatMap1(row: Row, context: RuntimeContext): Iterable<object>;
  flatMap2(row: Row, context: RuntimeContext): Iterable<object>;
}

type CoOptions = Omit<ProcessOptions, "state">;

/** A `CoMapFunction` over two inputs; the contract is that of `ProcessRows`. */
export class CoMap extends ProcessRows {
  constructor(map: CoMapFunction, first: Schema, second: Schema, options: CoOptions) {
    const inputs = [
      { schema: first, method: "map1" },
      { schema: second, method: "map2" },
    ];
    super(map, inputs, options, (method): RowCall => {
      const call = method as unknown as CoMapFunction["map1"];
      return (row, context, out) => out.collect(call(row, context.runtime));
    });
  }
}

/** A `CoFlatMapFunction` over two inputs; the contract is that of `ProcessRows`. */
export class CoFlatMap extends ProcessRows {
  constructor(flatMap: CoFlatMapFunction, first: Schema, second: Schema, options: CoOptions) {
    const inputs = [
      { schema: first, method: "flatMap1" },
      { schema: second, method: "flatMap2" },
    ];
    super(flatMap, inputs, options, (method): RowCall => {
      const call = method as unknown as CoFlatMapFunction["flatMap1"];
      return (row, context, out) => {
        const results = call(row, context.runtime);
        if (typeof results?.[Symbol.iterator] !== "function") throw notIterable(options.site.name, results);
        for (const result of results) out.collect(result);
      };
    });
  }
}

const notIterable = (where: string, given: unknown): EvaluationError =>
  new EvaluationError(
    "RESULT_NOT_ITERABLE",
    `${where} gave ${describeValue(given)}, where an array or another iterable of rows is needed.`,
    "Return an array (an empty one for no rows) or make the function a generator (function*).",
  );
