import { describe, expect, it } from "vitest";
import { Batch } from "../../../../src/core/batch.ts";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { UserFunctionError } from "../../../../src/core/errors.ts";
import type { Operator } from "../../../../src/core/operator.ts";
import { FilterRows } from "../../../../src/core/operators/filter-rows.ts";
import { FlatMapRows } from "../../../../src/core/operators/flat-map-rows.ts";
import { MapPartition } from "../../../../src/core/operators/map-partition.ts";
import { MapRows } from "../../../../src/core/operators/map-rows.ts";
import { AccumulatorSet } from "../../../../src/core/rows/accumulators.ts";
import type { Row } from "../../../../src/core/rows/row-view.ts";
import { createRuntimeContext, type RuntimeContext } from "../../../../src/core/rows/runtime-context.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { MemoryFiles } from "../../../support/memory-files.ts";
import { operatorContext, type RunOptions, runOperator } from "../../../support/run-operator.ts";
import { newWorkspace, withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ n: types.int32, text: types.utf8 });
const site = { name: "step", callSite: "job.ts:3:7" };
const rows = Array.from({ length: 10 }, (_, n) => ({ n, text: n % 3 === 0 ? null : `t${n}` }));
const batches = [rows.slice(0, 4), [], rows.slice(4)];
const out = { schema: Schema.of({ twice: types.float64 }) };
const twice = (row: Row) => ({ twice: (row.n as number) * 2 });

const run = (operator: Operator, options: RunOptions = {}) =>
  withWorkspace((ws) => runOperator(ws, operator, [{ schema, batches }], options));

/** An operator that fails has to release what it holds all the same. */
function failureOf(operator: Operator, options: RunOptions = {}): unknown {
  const ws = newWorkspace();
  let failure: unknown;
  try {
    runOperator(ws, operator, [{ schema, batches }], options);
  } catch (error) {
    failure = error;
  }
  expect(ws.allocator.liveBlocks, "blocks still live").toBe(0);
  return failure;
}

const boom = (): never => {
  throw new RangeError("boom");
};

describe("MapRows", () => {
  it("gives one row per row", () => {
    expect(run(new MapRows(twice, schema, out, site))).toEqual(rows.map(twice));
  });

  it("takes the row itself, or a spread of it, as a result", () => {
    expect(run(new MapRows((row) => row, schema, { schema }, site))).toEqual(rows);
    expect(run(new MapRows((row) => ({ ...row, n: 1 }), schema, { schema }, site))).toEqual(
      rows.map((row) => ({ ...row, n: 1 })),
    );
  });

  it("wraps what the function throws, with its place and row", () => {
    const failure = failureOf(new MapRows((row) => (row.n === 6 ? boom() : twice(row)), schema, out, site));
    expect(failure).toBeInstanceOf(UserFunctionError);
    expect(failure).toMatchObject({
      message: expect.stringContaining("step at job.ts:3:7 (row 2) threw RangeError: boom"),
      cause: expect.any(RangeError),
    });
  });

  it("refuses an async function", () => {
    const map = (async (row: Row) => twice(row)) as unknown as (row: Row) => object;
    expect(failureOf(new MapRows(map, schema, out, site))).toMatchObject({ code: "ROW_INVALID" });
  });

  it("keeps row kinds and times", () => {
    withWorkspace((ws) => {
      const operator = new MapRows(twice, schema, out, site);
      operator.open(operatorContext(ws));
      const columns = [buildColumn(ws, types.int32, [1, 2]), buildColumn(ws, types.utf8, ["a", "b"])];
      const batch = new Batch(schema, 2, columns, {
        kinds: buildColumn(ws, types.int8, [0, 3]),
        times: buildColumn(ws, types.int64, [5n, 6n]),
      });
      operator.processBatch(batch, {
        emit: (result) => {
          expect(result.rowKinds).toBe(batch.rowKinds);
          expect(result.rowTimes).toBe(batch.rowTimes);
          result.release();
        },
        emitSide: () => {},
        emitWatermark: () => {},
        isClosed: false,
      });
      batch.release();
      operator.close();
    });
  });
});

describe("a rich function", () => {
  class Counting {
    readonly calls: string[] = [];
    readonly #accumulators = new AccumulatorSet();
    open(context: RuntimeContext): void {
      this.calls.push(`open ${context.subtask}/${context.parallelism}`);
    }
    map(row: Row, context: RuntimeContext): object {
      context.intCounter("rows").add();
      return twice(row);
    }
    close(): void {
      this.calls.push("close");
    }
    get counted(): unknown {
      return this.#accumulators.values().get("rows");
    }
    readonly runtime = () => createRuntimeContext({ accumulators: this.#accumulators });
  }

  it("is opened, called and closed, and adds to accumulators", () => {
    const counting = new Counting();
    const operator = new MapRows(counting, schema, out, { ...site, runtime: counting.runtime });
    expect(run(operator)).toEqual(rows.map(twice));
    expect(counting.calls).toEqual(["open 0/1", "close"]);
    expect(counting.counted).toBe(10);
  });

  it("is closed after a failure", () => {
    const calls: string[] = [];
    const failing = { filter: boom, close: () => calls.push("close") };
    failureOf(new FilterRows(failing as never, schema, site));
    expect(calls).toEqual(["close"]);
  });

  it("that fails in open fails the job", () => {
    expect(failureOf(new MapRows({ open: boom, map: twice }, schema, out, site))).toBeInstanceOf(UserFunctionError);
  });
});

describe("FilterRows", () => {
  it("keeps the rows that the function wants", () => {
    const even = (row: Row) => (row.n as number) % 2 === 0;
    expect(run(new FilterRows(even, schema, site))).toEqual(rows.filter(even));
    expect(run(new FilterRows((row) => row.text !== null, schema, site))).toEqual(rows.filter((row) => row.text));
    expect(run(new FilterRows(() => false, schema, site))).toEqual([]);
  });

  it("passes a batch that is kept whole without copying it", () => {
    withWorkspace((ws) => {
      const operator = new FilterRows(() => true, schema, site);
      operator.open(operatorContext(ws));
      const columns = [buildColumn(ws, types.int32, [1]), buildColumn(ws, types.utf8, ["a"])];
      const batch = new Batch(schema, 1, columns);
      const emitted: Batch[] = [];
      operator.processBatch(batch, {
        emit: (result) => emitted.push(result),
        emitSide: () => {},
        emitWatermark: () => {},
        isClosed: false,
      });
      expect(emitted).toEqual([batch]);
      batch.release();
      batch.release();
      operator.close();
    });
  });

  it("wraps what the function throws", () => {
    expect(failureOf(new FilterRows(boom, schema, site))).toMatchObject({ code: "USER_FUNCTION_FAILED" });
  });
});

describe("FlatMapRows", () => {
  const repeat = function* (row: Row): Generator<object> {
    for (let i = 0; i < (row.n as number); i++) yield { twice: (row.n as number) * 100 + i };
  };
  const expected = rows.flatMap((row) => [...repeat(row)]);

  it("gives the rows of generators and of arrays", () => {
    expect(run(new FlatMapRows(repeat, schema, out, site))).toEqual(expected);
    expect(run(new FlatMapRows((row) => [...repeat(row)], schema, out, site))).toEqual(expected);
  });

  it("gives an endless generator room batch by batch", () => {
    let given = 0;
    const endless = function* (row: Row): Generator<object> {
      // The row stays readable while the generator is asked for more.
      for (;;) yield { twice: row.n, given: given++ };
    };
    withWorkspace((ws) => {
      const operator = new FlatMapRows(endless, schema, { ...out, allowsExtra: true }, site);
      operator.open(operatorContext(ws, { batchRows: 10 }));
      const batch = new Batch(schema, 1, [buildColumn(ws, types.int32, [7]), buildColumn(ws, types.utf8, ["a"])]);
      let emitted = 0;
      const output = {
        emit: (result: Batch) => {
          emitted += result.rowCount;
          result.release();
        },
        emitSide: () => {},
        emitWatermark: () => {},
        isClosed: false,
      };
      expect(operator.processBatch(batch, output)).toBe("more");
      expect(operator.resume(output)).toBe("more");
      expect(emitted).toBe(80);
      expect(given).toBe(80);
      batch.release();
      operator.close();
    });
  });

  it("ends a generator that it leaves", () => {
    let isEnded = false;
    const endless = function* (): Generator<object> {
      try {
        yield { twice: 1 };
        yield { twice: "no number" };
      } finally {
        isEnded = true;
      }
    };
    expect(failureOf(new FlatMapRows(endless, schema, out, site))).toMatchObject({ code: "VALUE_INVALID" });
    expect(isEnded).toBe(true);
  });

  it.each([[undefined], [5], ["text"], [{ twice: 1 }], [Promise.resolve([])]])("refuses %o as a result", (result) => {
    const failure = failureOf(new FlatMapRows(() => result as never, schema, out, site));
    expect(failure).toMatchObject({ code: "RESULT_NOT_ITERABLE" });
  });

  it("wraps what a generator throws", () => {
    const failing = function* (): Generator<object> {
      yield { twice: 1 };
      boom();
    };
    expect(failureOf(new FlatMapRows(failing, schema, out, site))).toBeInstanceOf(UserFunctionError);
  });
});

describe("MapPartition", () => {
  it("gives all rows to one call, as copies that may be kept", () => {
    const reversed = (given: Iterable<Row>) => [...given].reverse();
    expect(run(new MapPartition(reversed, schema, { schema }, site))).toEqual([...rows].reverse());
    expect(run(new MapPartition(() => [], schema, { schema }, site))).toEqual([]);
  });

  it("reads and writes step by step", () => {
    const pairs = function* (given: Iterable<Row>): Generator<object> {
      let previous: Row | undefined;
      for (const row of given) {
        if (previous !== undefined) yield { twice: (previous.n as number) + (row.n as number) };
        previous = row;
      }
    };
    const sums = rows.slice(1).map((row, i) => ({ twice: row.n + rows[i].n }));
    expect(run(new MapPartition(pairs, schema, out, site), { batchRows: 2 })).toEqual(sums);
  });

  it("goes to disk over budget, and leaves no file", () => {
    const files = new MemoryFiles();
    const metrics = new Map<string, number>();
    const many = Array.from({ length: 20 }, (_, i) => [{ n: i, text: "x".repeat(20_000) }]);
    const limited = newWorkspace(100_000);
    const result = runOperator(
      limited,
      new MapPartition((given) => given, schema, { schema }, site),
      [{ schema, batches: many }],
      { files, metrics },
    );
    expect(result).toEqual(many.flat());
    expect(metrics.get("spilledRows")).toBeGreaterThan(0);
    expect(files.contents.size).toBe(0);
    expect(limited.allocator.liveBlocks).toBe(0);
  });

  it("refuses to read the rows twice", () => {
    const twiceRead = (given: Iterable<Row>) => [...given, ...given];
    expect(failureOf(new MapPartition(twiceRead, schema, { schema }, site))).toMatchObject({ code: "ROWS_CONSUMED" });
  });
});
