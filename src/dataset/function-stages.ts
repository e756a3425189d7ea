import { callSite } from "../api/call-site.ts";
import { checkSynchronous } from "../api/check-function.ts";
import { checkedOptions } from "../api/options.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import { describeValue } from "../core/describe-value.ts";
import { assert, EngineError, EvaluationError, PlanError } from "../core/errors.ts";
import type { Operator, OperatorContext } from "../core/operator.ts";
import { KeyRows } from "../core/operators/key-rows.ts";
import { MapRows, type ResultShape } from "../core/operators/map-rows.ts";
import { inferSchema } from "../core/rows/infer-schema.ts";
import { createRuntimeContext } from "../core/rows/runtime-context.ts";
import { type FunctionSite, siteText } from "../core/rows/user-function.ts";
import { Schema } from "../core/schema.ts";
import type { DataType, Fields } from "../core/types.ts";
import type { FunctionNode, InputNeeds, LogicalNode } from "../plan/logical.ts";
import { limitNode } from "../plan/nodes.ts";
import type { JobContext } from "./job-context.ts";
import { collectRows } from "./results.ts";

/** Options of every method that takes a function. */
export interface FunctionOptions<S extends Fields = Fields> {
  /**
   * Columns of the result. Left out, they are inferred from rows that the function gives: it then runs a first time over
   * the beginning of its input (a grouping function over all of it), so declare the schema where that costs or has effects.
   */
  readonly schema?: Schema<S>;
  /** For errors and explain. */
  readonly name?: string;
  /** Datasets that every call can read whole, by name, through `context.broadcast(name)`. */
  readonly broadcast?: Readonly<Record<string, { readonly plan: PlanHandle }>>;
}

/** A step of user code before its result's columns are known. */
export interface FunctionStage {
  /** The method of rich functions and the name in messages: "map". */
  readonly method: string;
  /** What the user gave; null for a stage of the engine's own. */
  readonly fn: unknown;
  /** Whether the function returns one row, an iterable of rows, or something that is no row (a filter). */
  readonly returns: "row" | "rows" | "none";
  readonly needs: InputNeeds;
  readonly make: (fn: never, inputs: readonly Schema[], shape: ResultShape, site: FunctionSite) => Operator;
  /** The columns of the result where the input decides them; `schema` of the options is not asked then. */
  readonly schemaOf?: (inputs: readonly Schema[]) => Schema;
}

/** Rows to infer columns from. */
const SAMPLE_ROWS = 256;

/** The plan of a function over the rows of its inputs. */
export function functionHandle(
  context: JobContext,
  inputs: readonly PlanHandle[],
  stage: FunctionStage,
  options: FunctionOptions,
): PlanHandle {
  const isShapeKnown = stage.schemaOf !== undefined;
  const known: readonly (keyof FunctionOptions)[] = isShapeKnown
    ? ["name", "broadcast"]
    : ["schema", "name", "broadcast"];
  const { schema, broadcast = {}, name = stage.method } = checkedOptions(stage.method, options, known);
  checkBroadcast(stage.method, broadcast);
  checkFunction(stage);
  const site = callSite();
  const nodeOf = (
    nodes: readonly LogicalNode[],
    shape: ResultShape,
    broadcasts: ReadonlyMap<string, readonly unknown[]>,
  ): FunctionNode => ({
    op: "function",
    name,
    needs: stage.needs,
    schema: shape.schema,
    inputs: nodes,
    create: (schemas) => stage.make(stage.fn as never, schemas, shape, siteOf(context, name, site, broadcasts)),
    ...(site === undefined ? {} : { callSite: site }),
  });
  const declared = (nodes: readonly LogicalNode[]): Schema | undefined =>
    stage.schemaOf?.(nodes.map((node) => node.schema)) ?? schema;
  if (Object.keys(broadcast).length === 0 && (schema !== undefined || stage.schemaOf !== undefined)) {
    return PlanHandle.combine(inputs, (nodes) => {
      const known = declared(nodes);
      assert(known !== undefined, "a declared schema");
      return nodeOf(nodes, { schema: known }, new Map());
    });
  }
  return PlanHandle.deferred(async (signal) => {
    const nodes = await Promise.all(inputs.map((input) => input.resolve(signal)));
    const broadcasts = await collectBroadcasts(context, broadcast, signal);
    const known = declared(nodes);
    const shape =
      known === undefined
        ? {
            schema: await sampledSchema(context, nodes, stage, siteOf(context, name, site, broadcasts), signal),
            isInferred: true,
          }
        : { schema: known };
    return nodeOf(nodes, shape, broadcasts);
  });
}

/** @throws {PlanError} FUNCTION_INVALID */
function checkFunction({ method, fn }: Pick<FunctionStage, "method" | "fn">): void {
  if (fn === null) return;
  const orElse = method === "filter" ? ', or an expression such as col("price").gt(100)' : "";
  checkSynchronous(method, fn, ": remove async, and load what they need beforehand", orElse);
}

/** @throws {PlanError} DATASET_EXPECTED */
function checkBroadcast(method: string, broadcast: FunctionOptions["broadcast"]): void {
  for (const [name, given] of Object.entries(broadcast ?? {})) {
    if ((given as { plan?: unknown } | null | undefined)?.plan instanceof PlanHandle) continue;
    throw new PlanError(
      "DATASET_EXPECTED",
      `${method} was given ${describeValue(given)} as the broadcast variable "${name}".`,
      "Give a dataset; what is in memory already, a function sees without it.",
    );
  }
}

/** The plan with a column of keys that a function gives; their type is found in the first rows unless given. */
export function keyedHandle(
  context: JobContext,
  input: PlanHandle,
  key: unknown,
  column: { readonly name: string; readonly type?: DataType },
): PlanHandle {
  checkFunction({ method: "groupBy", fn: key });
  const site = callSite();
  const stage = (type: DataType): FunctionStage => ({
    method: "groupBy",
    fn: key,
    returns: "none",
    needs: { kind: "any" },
    schemaOf: ([schema]) => new Schema([...schema.fields, { name: column.name, type }]),
    make: (fn, [schema], _, where) => new KeyRows(fn, schema, { name: column.name, type }, where),
  });
  const { type } = column;
  if (type !== undefined) return functionHandle(context, [input], stage(type), {});
  return PlanHandle.deferred(async (signal) => {
    const node = await input.resolve(signal);
    const call = key as (...args: unknown[]) => unknown;
    const keys: FunctionStage = {
      method: "map",
      fn: (...args: unknown[]) => ({ [column.name]: call(...args) }),
      returns: "row",
      needs: { kind: "any" },
      make: (fn, [schema], shape, where) => new MapRows(fn, schema, shape, where),
    };
    const sampled = await sampledSchema(context, [node], keys, siteOf(context, "groupBy", site, new Map()), signal);
    return functionHandle(context, [PlanHandle.of(node)], stage(sampled.typeOf(column.name)), {}).resolve(signal);
  });
}

async function collectBroadcasts(
  context: JobContext,
  broadcast: NonNullable<FunctionOptions["broadcast"]>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, readonly unknown[]>> {
  const rows = new Map<string, readonly unknown[]>();
  for (const [name, { plan }] of Object.entries(broadcast)) {
    rows.set(name, await collectRows(context, plan, signal));
  }
  return rows;
}

function siteOf(
  context: JobContext,
  name: string,
  site: string | undefined,
  broadcasts: ReadonlyMap<string, readonly unknown[]>,
): FunctionSite {
  return {
    name,
    ...(site === undefined ? {} : { callSite: site }),
    runtime: ({ jobId, subtask, parallelism }: OperatorContext) =>
      createRuntimeContext({
        subtask,
        parallelism,
        parameters: context.parameters,
        broadcasts,
        accumulators: context.accumulators(jobId),
      }),
  };
}

/** Runs the function over the beginning of its input and infers the columns of what it gives. */
async function sampledSchema(
  context: JobContext,
  nodes: readonly LogicalNode[],
  stage: FunctionStage,
  site: FunctionSite,
  signal: AbortSignal | undefined,
): Promise<Schema> {
  const sample: object[] = [];
  const enough = new AbortController();
  const capture = (row: object) => {
    // A result may be a view of an input row, which ends with the call.
    sample.push({ ...row });
    if (sample.length >= SAMPLE_ROWS) enough.abort();
  };
  const shape: ResultShape = { schema: new Schema([]), allowsExtra: true };
  const probe: FunctionNode = {
    op: "function",
    name: site.name,
    needs: stage.needs,
    schema: shape.schema,
    inputs: stage.needs.kind === "any" ? nodes.map((node) => limitNode(node, SAMPLE_ROWS, 0)) : nodes,
    create: (schemas) => stage.make(capturing(stage, siteText(site), capture) as never, schemas, shape, site),
  };
  try {
    const stop = signal === undefined ? enough.signal : AbortSignal.any([enough.signal, signal]);
    await context.run([{ plan: PlanHandle.of(probe), take: () => undefined }], stop, "probe");
  } catch (thrown) {
    if (signal?.aborted === true) throw thrown;
    if (!(enough.signal.aborted && thrown instanceof EngineError && thrown.code === "JOB_CANCELLED")) throw thrown;
  }
  if (sample.length > 0) return inferSchema(sample);
  throw new PlanError(
    "SCHEMA_UNKNOWN",
    `The columns that ${site.name} gives cannot be inferred: it gave no row.`,
    "Declare them with the option schema.",
  );
}

/** The stage's function with its results shown to `capture` and left out. */
function capturing(stage: FunctionStage, where: string, capture: (row: object) => void): unknown {
  const { fn, method, returns } = stage;
  const call =
    typeof fn === "function"
      ? (fn as (...args: unknown[]) => unknown)
      : ((fn as Record<string, (...args: unknown[]) => unknown>)[method].bind(fn) as (...args: unknown[]) => unknown);
  const captured = (...args: unknown[]): unknown => {
    const result = call(...args);
    // What is no row goes on to the stage, which refuses it.
    if (returns === "row") {
      if (!isRow(result, where)) return result;
      capture(result);
      return {};
    }
    if (typeof (result as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] !== "function")
      return result;
    let count = 0;
    for (const row of result as Iterable<unknown>) {
      if (!isRow(row, where)) return [row];
      capture(row);
      if (++count >= SAMPLE_ROWS) break;
    }
    return [];
  };
  return typeof fn === "function" ? captured : { ...(fn as object), ...lifeOf(fn), [method]: captured };
}

/** @throws {EvaluationError} ROW_INVALID of objects that would pass for rows without columns, or with others. */
function isRow(value: unknown, where: string): value is object {
  if (value instanceof Promise || Array.isArray(value)) {
    throw new EvaluationError(
      "ROW_INVALID",
      `${where} gave ${Array.isArray(value) ? "an array" : "a promise"}, where an object with the columns as properties is needed.`,
      Array.isArray(value)
        ? "Return an object such as { name: value }; flatMap takes several rows per call."
        : "Functions over rows are synchronous: remove async, and load what they need beforehand.",
    );
  }
  return typeof value === "object" && value !== null;
}

/** `open` and `close` of a rich function, bound to it: its class may keep them on the prototype. */
function lifeOf(fn: unknown): Record<string, unknown> {
  const life: Record<string, unknown> = {};
  for (const name of ["open", "close"]) {
    const method = (fn as Record<string, unknown>)[name];
    if (typeof method === "function") life[name] = method.bind(fn);
  }
  return life;
}
