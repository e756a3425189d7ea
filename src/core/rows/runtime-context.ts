import { PlanError } from "../errors.ts";
import type { Json } from "../source.ts";
import {
  type Accumulator,
  AccumulatorSet,
  Average,
  DoubleCounter,
  Histogram,
  IntCounter,
  ListAccumulator,
  Maximum,
  Minimum,
} from "./accumulators.ts";
import type { Row } from "./row-view.ts";

/** What a user function may ask about where it runs; the second argument of most functions, and of `open`. */
export interface RuntimeContext {
  /** Subtask number 0..parallelism-1. */
  readonly subtask: number;
  readonly parallelism: number;
  /** What the job was given as parameters. */
  readonly parameters: Readonly<Record<string, Json>>;
  /** Named values that are merged over all subtasks and reported with the job's result; made on first use. */
  intCounter(name: string): IntCounter;
  doubleCounter(name: string): DoubleCounter;
  minimum(name: string): Minimum;
  maximum(name: string): Maximum;
  average(name: string): Average;
  histogram(name: string): Histogram;
  listAccumulator(name: string): ListAccumulator;
  /** An accumulator of an own class, whose constructor takes no arguments. */
  accumulator<A extends Accumulator>(name: string, create: new () => A): A;
  /** All rows of a data set that was given to this function under that name; BROADCAST_UNKNOWN for another name. */
  broadcast<T = Row>(name: string): readonly T[];
}

export interface RuntimeContextOptions {
  readonly subtask?: number;
  readonly parallelism?: number;
  readonly parameters?: Readonly<Record<string, Json>>;
  readonly accumulators?: AccumulatorSet;
  readonly broadcasts?: ReadonlyMap<string, readonly unknown[]>;
}

export function createRuntimeContext(options: RuntimeContextOptions = {}): RuntimeContext {
  const { accumulators = new AccumulatorSet(), broadcasts } = options;
  const accumulator = <A extends Accumulator>(name: string, create: new () => A): A => accumulators.get(name, create);
  return {
    subtask: options.subtask ?? 0,
    parallelism: options.parallelism ?? 1,
    parameters: options.parameters ?? {},
    intCounter: (name) => accumulator(name, IntCounter),
    doubleCounter: (name) => accumulator(name, DoubleCounter),
    minimum: (name) => accumulator(name, Minimum),
    maximum: (name) => accumulator(name, Maximum),
    average: (name) => accumulator(name, Average),
    histogram: (name) => accumulator(name, Histogram),
    listAccumulator: (name) => accumulator(name, ListAccumulator),
    accumulator,
    broadcast: <T>(name: string) => {
      const rows = broadcasts?.get(name);
      if (rows !== undefined) return rows as readonly T[];
      const known = [...(broadcasts?.keys() ?? [])].map((other) => `"${other}"`).join(", ");
      throw new PlanError(
        "BROADCAST_UNKNOWN",
        `This function has no broadcast variable "${name}".`,
        `Its broadcast variables are ${known || "none"}; pass the dataset in the option broadcast of the method.`,
      );
    },
  };
}
