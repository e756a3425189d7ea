import fc from "fast-check";
import { type Scalar, type Shape, shapeText } from "./shapes.ts";

/** A job of which a changed one goes on. Every row goes through all of its steps, in their order. */
export interface Job {
  readonly steps: readonly Step[];
  readonly maxParallelism: number;
}

export type Step = FunctionStep | WindowStep | TotalStep | JoinStep | PlainStep;

interface Keyed {
  readonly uid: string;
  readonly key: readonly KeyColumn[];
}

/** Each key has a number and a text; a step is keyed by one of them or by both. */
export interface KeyColumn {
  readonly name: string;
  readonly scalar: "int16" | "int32" | "int64" | "float64" | "utf8";
}

/** A function that tells what its states are with each row, and then puts the row in all of them. */
export interface FunctionStep extends Keyed {
  readonly kind: "function";
  readonly states: readonly StateShape[];
  /** Else with the first row of a subtask. */
  readonly asksInOpen: boolean;
}

export interface StateShape {
  readonly name: string;
  readonly kind: "value" | "list" | "map" | "reducing" | "aggregating";
  readonly shape: Shape;
  /** Of a map. */
  readonly mapKey: "int16" | "int32" | "int64";
  /** A time to live that is longer than the test. */
  readonly hasTtl: boolean;
}

export const AGGREGATES = ["total", "rows", "least", "greatest"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export interface WindowStep extends Keyed {
  readonly kind: "window";
  readonly sizeMs: number;
  readonly aggregates: readonly Aggregate[];
}

/** Aggregates per key that are kept up to date. */
export interface TotalStep extends Keyed {
  readonly kind: "total";
  readonly aggregates: readonly Aggregate[];
}

/** Rows with all rows of their key, of which these columns are taken; kept up to date. */
export interface JoinStep extends Keyed {
  readonly kind: "join";
  readonly columns: readonly { readonly name: string; readonly scalar: "int32" | "int64" | "float64" | "utf8" }[];
}

/** A step without state or uid. */
export interface PlainStep {
  readonly kind: "plain";
  readonly isChained: boolean;
}

/** Rows of each split, by number; the key of a row is `id % KEY_TEXTS.length`, and all rows of a key are in one split. */
export interface Input {
  readonly splits: readonly (readonly number[])[];
}

export const KEY_TEXTS = ["a", "größe", "", null, "d"] as const;
export const keyOf = (id: number): number => id % KEY_TEXTS.length;
/** The value of a row: from 0 to 2. */
export const amountOf = (id: number): number => Math.floor(id / 3) % 3;
export const timeOf = (id: number): number => id;

const KEYS: readonly (readonly KeyColumn[])[] = [
  [{ name: "a", scalar: "int32" }],
  [{ name: "a", scalar: "utf8" }],
  [
    { name: "a", scalar: "int32" },
    { name: "b", scalar: "utf8" },
  ],
  [{ name: "a", scalar: "int16" }],
];
const anyKey = fc.constantFrom(...KEYS);
const anyScalar = fc.constantFrom<Scalar>("int32", "int64", "utf8", "float32", "int8", "uint8", "decimal6", "int16");
/** States of a step have fields of one name, which are renamed together. */
const anyShape: fc.Arbitrary<Shape> = fc.oneof(
  anyScalar,
  fc
    .tuple(anyScalar, anyScalar, fc.boolean())
    .map(([p, q, isBoth]) => [{ name: "p", scalar: p }, ...(isBoth ? [{ name: "q", scalar: q }] : [])]),
);

export const anyState = fc.record({
  kind: fc.constantFrom("value" as const, "list" as const, "map" as const, "reducing" as const, "aggregating" as const),
  shape: anyShape,
  mapKey: fc.constantFrom("int32" as const, "int16" as const),
  hasTtl: fc.constantFrom(false, false, true),
});

const anyAggregates = fc
  .shuffledSubarray([...AGGREGATES], { minLength: 1 })
  .map((aggregates) => aggregates as readonly Aggregate[]);

/** Without a uid, which the place in the job gives. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("function" as const),
      uid: fc.constant(""),
      key: anyKey,
      states: fc
        .array(anyState, { minLength: 1, maxLength: 3, size: "max" })
        .map((states) => states.map((state, i): StateShape => ({ name: `s${i}`, ...state }))),
      asksInOpen: fc.constantFrom(true, true, false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("window" as const),
      uid: fc.constant(""),
      key: anyKey,
      sizeMs: fc.integer({ min: 5, max: 40 }),
      aggregates: anyAggregates,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("total" as const),
      uid: fc.constant(""),
      key: anyKey,
      aggregates: anyAggregates,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("join" as const),
      uid: fc.constant(""),
      key: anyKey,
      columns: fc
        .array(fc.constantFrom("int32" as const, "int64" as const, "utf8" as const), { minLength: 1, maxLength: 2 })
        .map((scalars) => scalars.map((scalar, i) => ({ name: `x${i}`, scalar }))),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("plain" as const), isChained: fc.boolean() }),
  },
);

export const anyJob: fc.Arbitrary<Job> = fc
  .array(anyStep, { minLength: 1, maxLength: 4, size: "max" })
  .map((steps) => ({ steps: steps.map((step, i) => withUid(step, `u${i}`)), maxParallelism: 12 }));

export const withUid = (step: Step, uid: string): Step => (step.kind === "plain" ? step : { ...step, uid });

export const anyInput: fc.Arbitrary<Input> = fc
  .record({
    ids: fc.uniqueArray(fc.nat(89), { minLength: 1, maxLength: 40, size: "max" }),
    splits: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ ids, splits }) => {
    const sorted = [...ids].sort((a, b) => a - b);
    return { splits: Array.from({ length: splits }, (_, i) => sorted.filter((id) => keyOf(id) % splits === i)) };
  });

const keyText = (key: readonly KeyColumn[]): string => key.map(({ name, scalar }) => `${name}: ${scalar}`).join(", ");

function stateText({ name, kind, shape, mapKey, hasTtl }: StateShape): string {
  const key = kind === "map" ? `${mapKey}, ` : "";
  return `${kind}State("${name}", ${key}${shapeText(shape)}${hasTtl ? ", ttl" : ""})`;
}

export function stepText(step: Step): string {
  switch (step.kind) {
    case "plain":
      return `.filter(all)${step.isChained ? "" : ".disableChaining()"}`;
    case "function":
      return `.keyBy(${keyText(step.key)}).process([${step.states.map(stateText).join(", ")}]${step.asksInOpen ? " in open" : ""}).uid("${step.uid}")`;
    case "window":
      return `.keyBy(${keyText(step.key)}).window(${step.sizeMs} ms).aggregate(${step.aggregates.join(", ")}).uid("${step.uid}")`;
    case "total":
      return `.keyBy(${keyText(step.key)}).aggregate(${step.aggregates.join(", ")}).uid("${step.uid}")`;
    case "join": {
      const columns = step.columns.map(({ name, scalar }) => `${name}: ${scalar}`).join(", ");
      return `.keyBy(${keyText(step.key)}).join(itself, ${columns}).updating().uid("${step.uid}")`;
    }
  }
}

export const jobText = ({ steps, maxParallelism }: Job): string =>
  [`maxParallelism ${maxParallelism}`, ...steps.map((step) => `  ${stepText(step)}`)].join("\n    ");
