import { describe, expect, it } from "vitest";
import type { Batch } from "../../../../src/core/batch.ts";
import { buildBatch } from "../../../../src/core/columns/build.ts";
import type { Operator } from "../../../../src/core/operator.ts";
import { zipWithIndex, zipWithUniqueId } from "../../../../src/core/operators/index-rows.ts";
import { Rebatch } from "../../../../src/core/operators/rebatch.ts";
import { Sample, SampleSize, type SampleSizeSpec } from "../../../../src/core/operators/sample.ts";
import { Schema } from "../../../../src/core/schema.ts";
import * as types from "../../../../src/core/types.ts";
import { operatorContext, runOperator } from "../../../support/run-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ n: types.int32 });
const rows = Array.from({ length: 20_000 }, (_, n) => ({ n }));
const cut = (size: number, all: readonly object[] = rows) =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
const run = (operator: Operator, batches = cut(1000), given: Schema = schema) =>
  withWorkspace((ws) => runOperator(ws, operator, [{ schema: given, batches }]));
const numbers = (result: readonly Record<string, unknown>[]) => result.map((row) => row.n as number);

describe("Sample", () => {
  const sample = (fraction: number, withReplacement = false, seed = 7) =>
    new Sample(schema, { fraction, withReplacement, seed });

  it("takes about its fraction, in order, each row once", () => {
    const taken = numbers(run(sample(0.1)));
    // Five standard deviations of a binomial around 2000.
    expect(Math.abs(taken.length - 2000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.1 * 0.9));
    expect(taken).toEqual([...new Set(taken)].sort((a, b) => a - b));
  });

  it("takes all and none at the ends", () => {
    expect(run(sample(1)).length).toBe(20_000);
    expect(run(sample(0))).toEqual([]);
  });

  it("is the same however the input is cut, and another for another seed", () => {
    expect(run(sample(0.05), cut(333))).toEqual(run(sample(0.05)));
    expect(run(sample(0.05, true), cut(333))).toEqual(run(sample(0.05, true)));
    expect(run(sample(0.05, false, 8))).not.toEqual(run(sample(0.05)));
  });

  it("takes rows several times with replacement", () => {
    for (const fraction of [0.3, 3, 20]) {
      const some = cut(1000).slice(0, 5);
      const taken = numbers(run(sample(fraction, true), some));
      const mean = 5000 * fraction;
      expect(Math.abs(taken.length - mean)).toBeLessThan(5 * Math.sqrt(mean));
      expect(new Set(taken).size).toBeLessThan(taken.length);
      // A Poisson count is 0 with probability exp(-fraction).
      const missing = 5000 - new Set(taken).size;
      expect(Math.abs(missing - 5000 * Math.exp(-fraction))).toBeLessThan(5 * Math.sqrt(5000 * 0.25) + 1);
    }
  });

  it.each([
    [-0.1, false],
    [1.1, false],
    [Number.NaN, false],
    [Number.POSITIVE_INFINITY, true],
  ])("refuses the fraction %f", (fraction, withReplacement) => {
    expect(() => sample(fraction, withReplacement)).toThrow(
      expect.objectContaining({ code: "SAMPLE_FRACTION_INVALID" }),
    );
  });
});

describe("SampleSize", () => {
  const sample = (size: number, phase: SampleSizeSpec["phase"] = "whole", given: Schema = schema, seed = 3) =>
    new SampleSize(given, { size, seed, phase });

  it("takes as many rows as it is asked, in order, each once", () => {
    for (const size of [0, 1, 100, 5000]) {
      const taken = numbers(run(sample(size)));
      expect(taken.length).toBe(size);
      expect(taken).toEqual([...new Set(taken)].sort((a, b) => a - b));
    }
    expect(numbers(run(sample(30_000)))).toEqual(rows.map((row) => row.n));
  });

  it("is the same however the input is cut", () => {
    expect(run(sample(50), cut(77))).toEqual(run(sample(50)));
  });

  it("favours no part of the input", () => {
    const quarters = [0, 0, 0, 0];
    for (let seed = 0; seed < 20; seed++) {
      for (const n of numbers(run(sample(100, "whole", schema, seed)))) quarters[Math.floor(n / 5000)]++;
    }
    for (const count of quarters) expect(Math.abs(count - 500)).toBeLessThan(5 * Math.sqrt(2000 * 0.25 * 0.75));
  });

  it("merges local samples into the same rows as one subtask takes", () => {
    const local = sample(40, "local");
    const parts = run(local);
    expect(parts.length).toBe(40);
    const global = sample(40, "global", local.outputSchema);
    expect(run(global, cut(7, parts), local.outputSchema)).toEqual(run(sample(40)));
    const fewer = sample(5, "global", local.outputSchema);
    expect(run(fewer, cut(7, parts), local.outputSchema)).toEqual(run(sample(5)));
  });

  it("refuses a size that is none", () => {
    expect(() => sample(-1)).toThrow(expect.objectContaining({ code: "SAMPLE_SIZE_INVALID" }));
    expect(() => sample(0.5)).toThrow(expect.objectContaining({ code: "SAMPLE_SIZE_INVALID" }));
  });
});

describe("IndexRows", () => {
  it("numbers rows across batches from the subtask's start", () => {
    const result = run(zipWithIndex(schema, "index", [5]), cut(3, rows.slice(0, 8)));
    expect(result).toEqual(rows.slice(0, 8).map(({ n }) => ({ n, index: BigInt(n + 5) })));
  });

  it("numbers past 32 bits", () => {
    const start = 2 ** 33 - 1;
    const result = run(zipWithIndex(schema, "index", [start]), [rows.slice(0, 3)]);
    expect(result.map((row) => row.index)).toEqual([0, 1, 2].map((n) => BigInt(start + n)));
    expect(() => run(zipWithIndex(schema, "index", [Number.MAX_SAFE_INTEGER]), [rows.slice(0, 1)])).toThrow(
      expect.objectContaining({ code: "INDEX_TOO_LARGE" }),
    );
  });

  it("gives each subtask ids of its own", () => {
    withWorkspace((ws) => {
      const operator = zipWithUniqueId(schema, "id");
      operator.open({ ...operatorContext(ws), subtask: 2, parallelism: 3 });
      const ids: bigint[] = [];
      const emit = (batch: Batch): void => {
        const { data } = batch.column("id");
        ids.push(...ws.i64.slice(data / 8, data / 8 + batch.rowCount));
        batch.release();
      };
      for (const part of cut(2, rows.slice(0, 4))) {
        const batch = buildBatch(ws, schema, part);
        operator.processBatch(batch, { emit, emitSide: () => {}, emitWatermark: () => {}, isClosed: false });
        batch.release();
      }
      expect(ids).toEqual([2n, 5n, 8n, 11n]);
      operator.close();
    });
  });

  it("refuses a name that is taken", () => {
    expect(() => zipWithUniqueId(schema, "n")).toThrow(expect.objectContaining({ code: "COLUMN_DUPLICATE" }));
  });
});

describe("Rebatch", () => {
  const sizesOf = (sizes: readonly number[], batchRows: number): number[] => {
    const given: number[] = [];
    withWorkspace((ws) => {
      const operator = new Rebatch(schema);
      operator.open(operatorContext(ws, { batchRows }));
      const all: number[] = [];
      const emit = (batch: Batch): void => {
        given.push(batch.rowCount);
        all.push(...ws.i32.slice(batch.columns[0].data >>> 2, (batch.columns[0].data >>> 2) + batch.rowCount));
        batch.release();
      };
      const output = { emit, emitSide: () => {}, emitWatermark: () => given.push(-1), isClosed: false };
      let first = 0;
      for (const size of sizes) {
        if (size < 0) {
          operator.processWatermark({ timeMs: 0 }, output);
          continue;
        }
        const batch = buildBatch(ws, schema, rows.slice(first, first + size));
        operator.processBatch(batch, output);
        batch.release();
        first += size;
      }
      operator.endInput(output);
      operator.close();
      expect(all).toEqual(rows.slice(0, first).map((row) => row.n));
    });
    return given;
  };

  it("joins small batches, passes large ones, and keeps the order", () => {
    expect(sizesOf([1, 2, 3, 0, 4, 9, 1, 1, 5, 10], 10)).toEqual([10, 9, 2, 5, 10]);
    expect(sizesOf([4, 4, 4, 4], 10)).toEqual([8, 8]);
    expect(sizesOf([], 10)).toEqual([]);
  });

  it("holds nothing back behind a watermark", () => {
    expect(sizesOf([1, 1, -1, 1], 10)).toEqual([2, -1, 1]);
  });

  it("releases what it holds when it closes early", () => {
    withWorkspace((ws) => {
      const operator = new Rebatch(schema);
      operator.open(operatorContext(ws));
      const batch = buildBatch(ws, schema, rows.slice(0, 2));
      operator.processBatch(batch, { emit: () => {}, emitSide: () => {}, emitWatermark: () => {}, isClosed: false });
      batch.release();
      operator.close();
    });
  });
});
