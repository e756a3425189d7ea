import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  col,
  DataError,
  type DataSet,
  EngineError,
  EvaluationError,
  ExecutionEnvironment,
  Schema,
  types,
} from "../../src/index.ts";
import { withDirectory } from "../support/host.ts";

afterAll(() => ExecutionEnvironment.shutdown());

async function failureOf(dataset: DataSet): Promise<EngineError> {
  const failure = await dataset.collect().catch((thrown: unknown) => thrown);
  expect(failure).toBeInstanceOf(EngineError);
  return failure as EngineError;
}

/** The same job at two parallelisms. */
async function failuresOf(make: (env: ExecutionEnvironment) => DataSet): Promise<EngineError[]> {
  const failures: EngineError[] = [];
  for (const parallelism of [1, 2]) {
    failures.push(await failureOf(make(ExecutionEnvironment.create({ parallelism, memoryBytes: 16 << 20 }))));
  }
  return failures;
}

describe("a failure has one class, whichever thread it happens on", () => {
  it("of data", () =>
    withDirectory(async (directory) => {
      const path = join(directory, "bad.csv");
      writeFileSync(path, "a\n1\nx\n");
      const schema = Schema.of({ a: types.int32 });
      const [one, two] = await failuresOf((env) => env.readCsv(path, { schema }) as unknown as DataSet);
      expect(one).toBeInstanceOf(DataError);
      expect(two).toBeInstanceOf(DataError);
      expect([two.code, two.message, two.operator]).toEqual([one.code, one.message, one.operator]);
    }));

  it("of values, with the operator and the line of the program", async () => {
    const [one, two] = await failuresOf(
      (env) => env.sequence(0, 10).select({ x: col("value").intDiv(col("value").sub(5)) }) as unknown as DataSet,
    );
    expect(one).toBeInstanceOf(EvaluationError);
    expect(two).toBeInstanceOf(EvaluationError);
    expect([two.code, two.origin, two.retryable, two.whatToDo]).toEqual([
      one.code,
      one.origin,
      one.retryable,
      one.whatToDo,
    ]);
    expect(two.operator).toMatch(/at error-classes\.test\.ts:\d+:\d+$/);
    expect(two.operator).toBe(one.operator);
  });
});
