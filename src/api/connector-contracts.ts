import type { Batch } from "../core/batch.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import { jsonFault } from "../core/json-fault.ts";
import type { Schema } from "../core/schema.ts";
import type { Committable, Sink, SinkWriter } from "../core/sink.ts";
import type { Json, Source, Split, SplitEnumerator, SplitReader } from "../core/source.ts";

// What sources and sinks of the user's own give back, as plain JavaScript could get it wrong: told where it is given,
// before something far away stumbles over it, or rows are lost. By looks: they may be made with another copy of the package.

/** Names who gave it: `log`, the description of a source or sink. */
type By = string;

/** @throws {PlanError} ARGUMENT_INVALID */
export function checkedSource<S extends Source>(method: string, source: S): S {
  const given = (source ?? {}) as Partial<Source>;
  const { schema, spec, statistics, description, boundedness, splits, openSplit } = given;
  if (!Array.isArray(schema?.fields) || typeof splits !== "function" || typeof openSplit !== "function") {
    const what = source === undefined ? "nothing" : describeValue(source);
    throw wrongArgument(
      `${method} was given ${what}.`,
      "Give a Source: an object with schema, splits() and openSplit().",
    );
  }
  if (typeof spec?.kind !== "string" || typeof description !== "string" || typeof statistics !== "object") {
    const lacks =
      typeof spec?.kind !== "string" ? "spec.kind" : typeof description !== "string" ? "description" : "statistics";
    throw wrongArgument(
      `${method} was given a source without ${lacks}.`,
      'Give spec: { kind: "name" }, description: "name" and statistics: {}, with what is known.',
    );
  }
  if (boundedness === undefined || boundedness === "bounded" || boundedness === "unbounded") return source;
  throw wrongArgument(
    `${method} was given the source "${description}" with the boundedness ${describeValue(boundedness)}.`,
    'Give "bounded" or "unbounded".',
  );
}

/** @throws {PlanError} ARGUMENT_INVALID */
export function checkedSink(method: string, sink: Sink): Sink {
  const { spec, description, begin, createWriter, commit, abort } = (sink ?? {}) as Partial<Sink>;
  if (![begin, createWriter, commit, abort].every((each) => typeof each === "function")) {
    const what = sink === undefined ? "nothing" : describeValue(sink);
    throw wrongArgument(
      `${method} was given ${what}.`,
      "Give a Sink: an object with begin(), createWriter(), commit() and abort().",
    );
  }
  if (typeof spec?.kind === "string" && typeof description === "string") return sink;
  throw wrongArgument(
    `${method} was given a sink without ${typeof description === "string" ? "spec.kind" : "description"}.`,
    'Give spec: { kind: "name" } and description: "name".',
  );
}

const wrongArgument = (what: string, advice: string): PlanError => new PlanError("ARGUMENT_INVALID", what, advice);

/** @throws {PlanError} SOURCE_INVALID */
export function checkedSplits(by: By, method: "splits" | "discover", given: readonly Split[]): readonly Split[] {
  if (!Array.isArray(given)) {
    throw sourceInvalid(by, `${method}() gave ${describeValue(given)}`, "Give an array of splits.");
  }
  const ids = new Set<unknown>();
  for (const split of given as readonly (Partial<Split> | null | undefined)[]) {
    const id = split?.id;
    if (typeof id !== "string" || id === "") {
      throw sourceInvalid(by, `${method}() gave a split without an id`, "Give each split an id, a text of its own.");
    }
    if (ids.has(id)) {
      const what = `${method}() gave two splits with the id ${JSON.stringify(id)}, one of which would not be read`;
      throw sourceInvalid(by, what, "Give each split an id of its own.");
    }
    ids.add(id);
    const fault = jsonFault(split?.payload, "payload");
    if (fault === undefined) continue;
    const what = `${method}() gave the split "${id}" with a payload that is no JSON: ${fault}`;
    throw sourceInvalid(by, what, "Give null where a reader needs nothing but the id.");
  }
  return given;
}

/** @throws {PlanError} SOURCE_INVALID */
export function checkedEnumerator(by: By, given: SplitEnumerator | undefined): SplitEnumerator {
  const { discover, intervalMs } = (given ?? {}) as Partial<SplitEnumerator>;
  const isValid = intervalMs === undefined || (typeof intervalMs === "number" && intervalMs > 0);
  if (given !== undefined && typeof discover === "function" && isValid) return given;
  const what = isValid ? describeValue(given) : `an object whose intervalMs is ${describeValue(intervalMs)}`;
  throw sourceInvalid(
    by,
    `createEnumerator() gave ${what}`,
    "Give an object with discover() and, where it is to look again, intervalMs greater than 0.",
  );
}

/** @throws {PlanError} SOURCE_INVALID */
export function checkedReader(by: By, splitId: string, given: SplitReader): SplitReader {
  const { next, close } = (given ?? {}) as Partial<SplitReader>;
  if (typeof next === "function" && typeof close === "function") return given;
  throw sourceInvalid(
    by,
    `openSplit() gave ${describeValue(given)} for "${splitId}"`,
    "Give an object with next() and close(), at once: next() may give promises.",
  );
}

/** What `next` gave. @throws {PlanError} SOURCE_INVALID */
export function checkedBatch(by: By, schema: Schema, given: Batch | undefined): Batch | undefined {
  if (given === undefined) return given;
  const { columns, release, rowCount } = (given ?? {}) as Partial<Batch>;
  if (!Array.isArray(columns) || typeof release !== "function" || typeof rowCount !== "number") {
    throw sourceInvalid(
      by,
      `next() gave ${describeValue(given)}`,
      "Give a batch, as buildBatch(context.workspace, schema, rows) makes it, and undefined at the end.",
    );
  }
  if (given.schema === schema || given.schema.equals(schema)) return given;
  const what = `next() gave a batch with the columns (${given.schema}), and its schema has (${schema})`;
  given.release();
  throw sourceInvalid(by, what, "Make batches of the columns that schema names, in their order.");
}

/** @throws {PlanError} SOURCE_INVALID */
export function checkedOffset(by: By, splitId: string, given: Json): Json {
  const fault = jsonFault(given, "offset");
  if (fault === undefined) return given;
  const what = `offset() gave for "${splitId}" what is no JSON: ${fault}`;
  throw sourceInvalid(by, what, "Give null, a boolean, a number, a text, or arrays and plain objects of these.");
}

/** @throws {PlanError} SINK_INVALID */
export function checkedWriter(by: By, given: SinkWriter): SinkWriter {
  const { write, prepareCommit, close } = (given ?? {}) as Partial<SinkWriter>;
  if ([write, prepareCommit, close].every((each) => typeof each === "function")) return given;
  throw sinkInvalid(
    by,
    `createWriter() gave ${describeValue(given)}`,
    "Give an object with write(), prepareCommit() and close(), at once: write() may give promises.",
  );
}

/** What `prepareCheckpoint` gave. @throws {PlanError} SINK_INVALID */
export function checkedCommittables(by: By, given: readonly Committable[]): readonly Committable[] {
  if (!Array.isArray(given)) {
    throw sinkInvalid(
      by,
      `prepareCheckpoint() gave ${describeValue(given)}`,
      "Give an array of what is to be committed, [] where nothing was written.",
    );
  }
  for (const each of given) checkedCommittable(by, "prepareCheckpoint", each);
  return given;
}

/** @throws {PlanError} SINK_INVALID */
export function checkedCommittable(by: By, method: "prepareCheckpoint" | "prepareCommit", given: Committable) {
  const fault = jsonFault(given, "committable");
  if (fault === undefined) return given;
  throw sinkInvalid(
    by,
    `${method}() gave what is no JSON: ${fault}`,
    "Give null, a boolean, a number, a text, or arrays and plain objects of these.",
  );
}

/** When `onTime` is due; infinity where it never is. @throws {PlanError} SINK_INVALID */
export function checkedDeadline(by: By, given: number | undefined): number {
  if (given === undefined) return Number.POSITIVE_INFINITY;
  if (typeof given === "number" && !Number.isNaN(given)) return given;
  throw sinkInvalid(
    by,
    `deadlineMs is ${describeValue(given)}`,
    "Give epoch milliseconds, or undefined where onTime is not to be called.",
  );
}

/** What a promise resolves to, or a value that is there, once it is checked. */
export const whenChecked = <T>(given: T | Promise<T>, check: (value: T) => T): T | Promise<T> =>
  given instanceof Promise ? given.then(check) : check(given);

const sourceInvalid = (by: By, what: string, advice: string): PlanError =>
  new PlanError("SOURCE_INVALID", `Of the source "${by}", ${what}.`, advice);

const sinkInvalid = (by: By, what: string, advice: string): PlanError =>
  new PlanError("SINK_INVALID", `Of the sink "${by}", ${what}.`, advice);
