import { describe, expect, it } from "vitest";
import { UserSink, UserSource } from "../../../src/api/user-connectors.ts";
import type { Sink, SinkWriter } from "../../../src/core/sink.ts";
import type { Source, SplitEnumerator, SplitReader } from "../../../src/core/source.ts";
import { Schema, types } from "../../../src/index.ts";

// What a source or sink has beyond what it must have changes how a job treats it: each part must come through a wrapper.
// The lists are complete by their types: a new part of a contract does not compile before it stands here.

type Parts<T> = { readonly [N in keyof Required<T>]: "value" | "method" };

const SOURCE: Parts<Source> = {
  spec: "value",
  schema: "value",
  statistics: "value",
  description: "value",
  boundedness: "value",
  isRepeatable: "value",
  openSplits: "value",
  staysWithCaller: "value",
  splits: "method",
  createEnumerator: "method",
  openSplit: "method",
  withColumns: "method",
  withPruning: "method",
  withFilter: "method",
};
const READER: Parts<SplitReader> = { next: "method", offset: "method", unread: "method", close: "method" };
const ENUMERATOR: Parts<SplitEnumerator> = {
  discover: "method",
  intervalMs: "value",
  isGone: "method",
  close: "method",
};
const SINK: Parts<Sink> = {
  spec: "value",
  description: "value",
  isSingleFile: "value",
  isOneRun: "value",
  staysWithCaller: "value",
  acceptsUpdates: "value",
  begin: "method",
  createWriter: "method",
  commit: "method",
  abort: "method",
  forgetAttempts: "method",
};
const WRITER: Parts<SinkWriter> = {
  write: "method",
  prepareCheckpoint: "method",
  snapshotState: "method",
  restoreState: "method",
  deadlineMs: "value",
  onTime: "method",
  prepareCommit: "method",
  close: "method",
};

const schema = Schema.of({ n: types.int32 });
const ARGUMENTS = [{ first: true }, { second: true }, { third: true }];

/** An object with every part: values that are no defaults, and methods that note their arguments and answer. */
function whole(parts: Readonly<Record<string, "value" | "method">>, answers: Readonly<Record<string, unknown>> = {}) {
  const calls: Record<string, unknown[]> = {};
  const made: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(parts)) {
    const answer = Object.hasOwn(answers, name) ? answers[name] : { of: name };
    made[name] = answer;
    if (kind === "value") continue;
    made[name] = function called(this: unknown, ...given: unknown[]) {
      expect(this).toBe(made);
      calls[name] = given;
      return answer;
    };
  }
  return { made, calls };
}

/** Every value is the same through the wrapper, and every method gets all it was given. */
function expectForwarded(
  parts: Readonly<Record<string, "value" | "method">>,
  wrapped: unknown,
  { made, calls }: ReturnType<typeof whole>,
  except: readonly string[] = [],
): void {
  for (const [name, kind] of Object.entries(parts)) {
    const part = (wrapped as Record<string, unknown>)[name];
    if (kind === "value") expect(part, name).toEqual(made[name]);
    else {
      const given = name === "openSplit" ? [{ id: "split", payload: null }, ...ARGUMENTS.slice(1)] : ARGUMENTS;
      const answer = (part as (...args: unknown[]) => unknown).call(wrapped, ...given);
      // As many as the wrapper's own signature takes: more of them nobody passes.
      const taken = calls[name];
      expect(taken.length, `arguments of ${name}`).toBe(arity(name, parts));
      expect(taken, name).toEqual(given.slice(0, taken.length));
      if (!except.includes(name)) {
        expect(answer, `answer of ${name}`).toEqual((made[name] as (...args: unknown[]) => unknown).call(made));
      }
    }
  }
}

/** Parameters of each method, optional ones included. */
const ARITIES: Readonly<Record<string, number>> = {
  createEnumerator: 1,
  openSplit: 3,
  withColumns: 1,
  withPruning: 1,
  withFilter: 1,
  isGone: 1,
  begin: 2,
  createWriter: 1,
  commit: 3,
  abort: 2,
  forgetAttempts: 1,
  write: 1,
  prepareCheckpoint: 1,
  snapshotState: 1,
  restoreState: 1,
  onTime: 1,
};
const arity = (name: string, _: unknown): number => ARITIES[name] ?? 0;

describe("a wrapped source", () => {
  const answers = {
    schema,
    boundedness: "unbounded",
    isRepeatable: false,
    openSplits: 3,
    staysWithCaller: true,
    splits: [],
  };

  it("has every part of the source, its reader and its enumerator", () => {
    const batch = { columns: [], rowCount: 0, schema, release: () => undefined };
    const reader = whole(READER, { next: batch });
    const enumerator = whole(ENUMERATOR, { discover: [{ id: "found", payload: null }], intervalMs: 7, isGone: true });
    const source = whole(SOURCE, { ...answers, openSplit: reader.made, createEnumerator: enumerator.made });
    const wrapped = new UserSource(source.made as unknown as Source);
    const made = ["openSplit", "createEnumerator", "withColumns", "withPruning", "withFilter"];
    expectForwarded(SOURCE, wrapped, source, made);
    expect(wrapped.withColumns?.([])).toBeInstanceOf(UserSource);
    const context = {} as never;
    expectForwarded(READER, wrapped.openSplit({ id: "s", payload: null }, context), reader);
    expectForwarded(ENUMERATOR, wrapped.createEnumerator?.(context), enumerator);
  });

  it("leaves out what the source leaves out", () => {
    const least = {
      spec: { kind: "own" },
      schema,
      statistics: {},
      description: "own",
      splits: () => [],
      openSplit: () => ({ next: () => undefined, close: () => undefined }),
      createEnumerator: () => ({ discover: () => [] }),
    };
    const wrapped = new UserSource(least);
    for (const name of ["boundedness", "isRepeatable", "openSplits", "withColumns", "withPruning"]) {
      expect((wrapped as unknown as Record<string, unknown>)[name], name).toBeUndefined();
    }
    expect(wrapped.openSplit({ id: "s", payload: null }, {} as never).offset).toBeUndefined();
    const enumerator = wrapped.createEnumerator?.({} as never);
    expect([enumerator?.intervalMs, enumerator?.isGone]).toEqual([undefined, undefined]);
    const { createEnumerator: _, ...fixed } = least;
    expect(new UserSource(fixed).createEnumerator).toBeUndefined();
  });
});

describe("a wrapped sink", () => {
  it("has every part of the sink and its writer", () => {
    const writer = whole(WRITER, { prepareCheckpoint: ["prepared"], deadlineMs: 5 });
    const sink = whole(SINK, { isSingleFile: true, isOneRun: true, staysWithCaller: true, createWriter: writer.made });
    const wrapped = new UserSink(sink.made as unknown as Sink);
    expectForwarded(SINK, wrapped, sink, ["createWriter"]);
    const made = wrapped.createWriter({} as never);
    expectForwarded(WRITER, made, writer);
    // The time changes while the writer lives.
    writer.made.deadlineMs = 9;
    expect(made.deadlineMs).toBe(9);
  });

  it("leaves out what the writer leaves out", () => {
    const least = { write: () => undefined, prepareCommit: () => null, close: () => undefined };
    const sink = { ...whole(SINK).made, createWriter: () => least } as unknown as Sink;
    const made = new UserSink(sink).createWriter({} as never);
    for (const name of ["prepareCheckpoint", "snapshotState", "restoreState", "onTime"] as const) {
      expect(made[name], name).toBeUndefined();
    }
    expect(made.deadlineMs ?? Number.POSITIVE_INFINITY).toBe(Number.POSITIVE_INFINITY);
  });
});
