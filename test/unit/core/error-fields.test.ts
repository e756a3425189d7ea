import { types } from "node:util";
import { describe, expect, it } from "vitest";
import { errorFields, reviveError } from "../../../src/core/error-fields.ts";
import {
  DataError,
  type EngineError,
  EvaluationError,
  ExternalError,
  InternalError,
  JobCancelledError,
  MemoryExhaustedError,
  PlanError,
  UserFunctionError,
} from "../../../src/core/errors.ts";

/** As it arrives on another thread. */
const sent = (error: EngineError): EngineError => reviveError(structuredClone(errorFields(error)));

const errors: readonly EngineError[] = [
  new InternalError("Something broke."),
  new PlanError("COLUMN_UNKNOWN", "No such column.", "Name another."),
  new DataError("CSV_VALUE_INVALID", "Bad value.", "Correct it."),
  new EvaluationError("EXPRESSION_OVERFLOW", "Too large.", "Cast it."),
  new UserFunctionError("map", new TypeError("no")),
  new MemoryExhaustedError(100, 10, "A sort"),
  new JobCancelledError("enough"),
  new ExternalError("FILE_IO", true, "The disk failed.", "Check it."),
];

describe("an error that crosses a thread", () => {
  it.each(errors.map((error) => [error.name, error] as const))("is a %s again", (_, error) => {
    error.operator = "filter at job.ts:1:2";
    const revived = sent(error);
    expect(Object.getPrototypeOf(revived)).toBe(Object.getPrototypeOf(error));
    expect(types.isNativeError(revived)).toBe(true);
    for (const field of [
      "name",
      "message",
      "code",
      "origin",
      "retryable",
      "whatHappened",
      "whatToDo",
      "operator",
      "stack",
      "cause",
    ] as const) {
      expect(revived[field]).toEqual(error[field]);
    }
    expect(Object.keys(revived).sort()).toEqual(Object.keys(error).sort());
  });

  it("keeps what was thrown underneath", () => {
    const system = Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT", errno: -2, path: "/x" });
    const inner = new ExternalError("FILE_NOT_FOUND", false, "No file.", "Check it.", { cause: system });
    const outer = sent(new DataError("PARQUET_NOT_PARQUET", "Bad.", "Fix.", { cause: inner }));
    const cause = outer.cause as ExternalError;
    expect(cause).toBeInstanceOf(ExternalError);
    expect(cause.code).toBe("FILE_NOT_FOUND");
    expect(cause.cause).toBeInstanceOf(Error);
    expect(cause.cause).toMatchObject({ message: "ENOENT: no such file", code: "ENOENT", errno: -2, path: "/x" });
    expect((cause.cause as Error).stack).toBe(system.stack);
  });

  it.each([
    new RangeError("far"),
    Object.assign(new Error("odd"), { name: "OddError" }),
    "a text",
    17n,
    null,
    { state: [1] },
  ])("keeps the cause %s", (cause) => {
    const revived = sent(new UserFunctionError("map", cause)).cause;
    expect(revived).toEqual(cause);
    if (cause instanceof RangeError) expect(revived).toBeInstanceOf(RangeError);
    if (cause instanceof Error) expect((revived as Error).name).toBe(cause.name);
  });

  it("takes causes that cannot be sent as text, and cuts circles", () => {
    expect(sent(new UserFunctionError("map", Symbol("s"))).cause).toBe("Symbol(s)");
    const circle = new Error("round");
    circle.cause = circle;
    let depth = 0;
    for (let each: unknown = sent(new UserFunctionError("map", circle)); each instanceof Error; each = each.cause)
      depth++;
    expect(depth).toBeLessThan(12);
    expect(sent(new UserFunctionError("map", Object.assign(new Error("f"), { fn: () => 1 }))).cause).toEqual(
      new Error("f"),
    );
  });
});
