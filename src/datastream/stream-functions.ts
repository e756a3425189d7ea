import { callSite } from "../api/call-site.ts";
import { checkCallable, checkSynchronous } from "../api/check-function.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import { EngineError, EvaluationError, PlanError } from "../core/errors.ts";
import type { Operator, OperatorContext } from "../core/operator.ts";
import { MapRows, type ResultShape } from "../core/operators/map-rows.ts";
import { inferSchema } from "../core/rows/infer-schema.ts";
import { createRuntimeContext } from "../core/rows/runtime-context.ts";
import type { FunctionSite } from "../core/rows/user-function.ts";
import { Schema } from "../core/schema.ts";
import type { Route, StreamNode, StreamSourceNode } from "../plan/stream/stream-node.ts";
import { operatorNode } from "./nodes.ts";
import { sourceBelow } from "./sources-below.ts";
import type { StreamContext, StreamPlan } from "./stream-plan.ts";

/** A step of user code over one or several streams. */
export interface StreamFunction {
  /** The method of rich functions and the name in messages: "map". */
  readonly method: string;
  /** What the user gave. */
  readonly fn: unknown;
  /** Whether the function returns one row or an iterable of rows; "known" where the input decides on the columns. */
  readonly returns: "row" | "rows" | "known";
  readonly schemaOf?: (inputs: readonly Schema[]) => Schema;
  readonly routes?: readonly Route[];
  /** It looks at what each row does in a changelog; what it gives stands. */
  readonly acceptsUpdates?: boolean;
  readonly make: (inputs: readonly Schema[], shape: ResultShape, site: FunctionSite) => Operator;
  /** An operator that gives the rows of the function to `keep`, where it takes more than a call per row to find them. */
  readonly probe?: (
    inputs: readonly Schema[],
    keep: (row: unknown) => void,
    shape: ResultShape,
    site: FunctionSite,
  ) => Operator;
}

export interface StreamFunctionOptions {
  /** Columns of the result. Left out, they are inferred from the first rows where the input can be read twice. */
  readonly schema?: Schema;
  /** For errors and explain. */
  readonly name?: string;
}

const SAMPLE_ROWS = 256;

/** @throws {PlanError} FUNCTION_INVALID */
export function functionPlan(
  context: StreamContext,
  inputs: readonly StreamPlan[],
  given: StreamFunction,
  options: StreamFunctionOptions = {},
): StreamPlan {
  checkFunction(given);
  const { name = given.method, schema } = options;
  const where = callSite();
  const site = siteOf(context, name, where);
  const nodeOf = (nodes: readonly StreamNode[], shape: ResultShape): StreamNode =>
    operatorNode(
      nodes.map((node, i) => ({ node, ...(given.routes === undefined ? {} : { route: given.routes[i] }) })),
      { kind: "local", name, create: (schemas) => given.make(schemas, shape, site) },
      {
        ...(given.acceptsUpdates === true ? { acceptsUpdates: true, emitsUpdates: false } : {}),
        ...(where === undefined ? {} : { callSite: where }),
      },
    );
  const { schemaOf } = given;
  if (schemaOf !== undefined) {
    return PlanHandle.combine(inputs, (nodes) => nodeOf(nodes, { schema: schemaOf(nodes.map((node) => node.schema)) }));
  }
  if (schema !== undefined) return PlanHandle.combine(inputs, (nodes) => nodeOf(nodes, { schema }));
  const inference = context.inference();
  return PlanHandle.deferred(async () => {
    const nodes = await Promise.all(inputs.map((input) => input.resolve()));
    const inferred = await inference(() => sampledSchema(context, nodes, given, site));
    return nodeOf(nodes, { schema: inferred, isInferred: true });
  });
}

export function siteOf(context: StreamContext, name: string, where: string | undefined): FunctionSite {
  return {
    name,
    ...(where === undefined ? {} : { callSite: where }),
    runtime: ({ jobId, subtask, parallelism }: OperatorContext) =>
      createRuntimeContext({
        subtask,
        parallelism,
        parameters: context.parameters,
        accumulators: context.accumulators(jobId),
      }),
  };
}

/** @throws {PlanError} FUNCTION_INVALID */
export function checkFunction({
  method,
  fn,
  mayWait = false,
}: Pick<StreamFunction, "method" | "fn"> & { readonly mayWait?: boolean }): void {
  if (mayWait) checkCallable(method, fn, method);
  else checkSynchronous(method, fn, "; asyncMap takes functions that wait");
}

/** Columns that a key function gives, found in the first rows: the one column `key`. */
export function sampledKey(
  context: StreamContext,
  node: StreamNode,
  key: (...args: unknown[]) => unknown,
  where: string | undefined,
): Promise<Schema> {
  const probe: StreamFunction = {
    method: "map",
    fn: (...args: unknown[]) => ({ key: key(...args) }),
    returns: "row",
    make: () => {
      throw new Error("replaced by the probe");
    },
  };
  return sampledSchema(context, [node], probe, siteOf(context, "keyBy", where));
}

/** Runs the function over the beginning of its input and infers the columns of what it gives. */
async function sampledSchema(
  context: StreamContext,
  nodes: readonly StreamNode[],
  { fn, method, returns, routes = [], probe: makeProbe }: StreamFunction,
  site: FunctionSite,
): Promise<Schema> {
  const source = sourceBelow(nodes, givesRowsOnce);
  const [node] = nodes;
  if (source !== undefined || returns === "known" || nodes.length !== 1) {
    throw new PlanError(
      "SCHEMA_UNKNOWN",
      source === undefined
        ? `The columns that ${site.name} gives cannot be inferred.`
        : `The columns that ${site.name} gives cannot be inferred: ${source.source.description} can be read only once.`,
      "Declare them with the option schema, for example { schema: Schema.of({ word: types.utf8 }) }.",
    );
  }
  const sample: object[] = [];
  const call = typeof fn === "function" ? fn : (fn as Record<string, (...args: unknown[]) => unknown>)[method].bind(fn);
  const keep = (row: unknown): void => {
    if (typeof row !== "object" || row === null || Array.isArray(row) || row instanceof Promise) {
      throw new EvaluationError(
        "ROW_INVALID",
        `${site.name} gave ${row instanceof Promise ? "a promise" : String(row)}, where an object with the columns as properties is needed.`,
        "Return an object such as { name: value }.",
      );
    }
    // A result may be a view of an input row, which ends with the call.
    if (sample.length < SAMPLE_ROWS) sample.push({ ...row });
  };
  const capture = (...args: unknown[]): object => {
    const result: unknown = (call as (...args: unknown[]) => unknown)(...args);
    const rows = returns === "row" ? [result] : (result as Iterable<unknown>);
    for (const row of rows) {
      keep(row);
      if (sample.length >= SAMPLE_ROWS) break;
    }
    return {};
  };
  const shape: ResultShape = { schema: new Schema([]), allowsExtra: true };
  const [route] = routes;
  const probe = operatorNode([{ node, ...(route === undefined ? {} : { route }) }], {
    kind: "local",
    name: site.name,
    create: (schemas) => makeProbe?.(schemas, keep, shape, site) ?? new MapRows(capture, schemas[0], shape, site),
  });
  // Rows that all go to one subtask need no second one.
  const one = route?.kind === "global" ? { ...probe, parallelism: 1 } : probe;
  try {
    await context.sample(one, () => sample.length >= SAMPLE_ROWS);
  } catch (thrown) {
    if (!(sample.length > 0 && thrown instanceof EngineError && thrown.code === "JOB_CANCELLED")) throw thrown;
  }
  if (sample.length > 0) return inferSchema(sample);
  throw new PlanError(
    "SCHEMA_UNKNOWN",
    `The columns that ${site.name} gives cannot be inferred: it gave no row.`,
    "Declare them with the option schema.",
  );
}

const givesRowsOnce = ({ source: { boundedness, isRepeatable } }: StreamSourceNode): boolean =>
  !(isRepeatable ?? boundedness !== "unbounded");
