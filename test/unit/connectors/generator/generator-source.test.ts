import { beforeAll, describe, expect, it } from "vitest";
import { GeneratorSource, type GeneratorSourceSpec } from "../../../../src/connectors/generator/generator-source.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import type { JobSnapshot } from "../../../../src/core/job-snapshot.ts";
import { ResultSink } from "../../../../src/runtime/result-sink.ts";
import { loadEngine } from "../../../../src/testing/engine-thread.ts";
import { Simulation } from "../../../../src/testing/simulation.ts";
import { codeOf } from "../../../support/files-contract.ts";
import { runStream, type StreamRun } from "../../../support/stream-job.ts";

beforeAll(loadEngine);

const n = { kind: "column", name: "n" } as const;
const generator = (spec: Omit<GeneratorSourceSpec, "kind">) => new GeneratorSource({ kind: "generator", ...spec });

async function read(simulation: Simulation, source: GeneratorSource, run: StreamRun & { parallelism?: number } = {}) {
  const rows: Record<string, unknown>[] = [];
  const sink = new ResultSink((batch, workspace) => {
    rows.push(...readRows(workspace, batch));
  });
  const { parallelism = 1, ...rest } = run;
  await simulation.run((host) => runStream(host, { source, sink, sourceParallelism: parallelism }, rest));
  return rows;
}

describe("a generator", () => {
  it("gives rows by number, from a function or expressions, over any number of splits", async () => {
    const half = { kind: "call", fn: "mul", args: [n, n] } as const;
    const square = {
      expressions: [
        { name: "n", expression: n },
        { name: "square", expression: half },
      ],
    };
    for (const [splitCount, parallelism] of [
      [1, 1],
      [3, 2],
      [4, 1],
    ]) {
      const source = generator({ ...square, count: 100, splitCount });
      const rows = await read(new Simulation(), source, { parallelism });
      const expected = Array.from({ length: 100 }, (_, i) => ({ n: BigInt(i), square: BigInt(i * i) }));
      expect(rows.sort((a, b) => Number(a.n) - Number(b.n))).toEqual(expected);
    }
    const byFunction = generator({ generate: (i: number) => ({ i, text: `row ${i}` }), count: 3 });
    expect(await read(new Simulation(), byFunction)).toEqual([
      { i: 0, text: "row 0" },
      { i: 1, text: "row 1" },
      { i: 2, text: "row 2" },
    ]);
  });

  it("keeps the pace on the clock of the host, whatever the number of splits", async () => {
    for (const splitCount of [1, 4]) {
      const simulation = new Simulation();
      const source = generator({
        expressions: [{ name: "n", expression: n }],
        count: 2000,
        rowsPerSecond: 500,
        splitCount,
      });
      expect(await read(simulation, source)).toHaveLength(2000);
      expect(simulation.elapsedMs).toBeGreaterThan(3900);
      expect(simulation.elapsedMs).toBeLessThan(4200);
    }
  });

  it("goes on behind the rows of a checkpoint", async () => {
    const simulation = new Simulation({ tape: [] });
    const source = generator({ generate: (i: number) => ({ i }), count: 60, rowsPerSecond: 100, splitCount: 2 });
    const stored: JobSnapshot[] = [];
    await read(simulation, source, { checkpointEveryMs: 100, storeCheckpoint: (each) => void stored.push(each) });
    const rows = await read(simulation, source, { restore: stored[1], parallelism: 2 });
    const numbers = rows.map(({ i }) => i as number).sort((a, b) => a - b);
    expect(numbers.length).toBeLessThan(45);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => i + 60 - numbers.length));
  });

  it("may be without end", async () => {
    const stop = new AbortController();
    const simulation = new Simulation();
    const source = generator({ generate: (i: number) => ({ i }), rowsPerSecond: 10 });
    expect(source.boundedness).toBe("unbounded");
    await expect(
      read(simulation, source, {
        signal: stop.signal,
        onRunning: () => simulation.host.scheduler.after(10_000, () => stop.abort()),
      }),
    ).rejects.toMatchObject({ code: "JOB_CANCELLED" });
  });

  it("refuses nonsense, and names a function that throws", async () => {
    expect(codeOf(() => generator({}))).toBe("GENERATOR_INVALID");
    expect(codeOf(() => generator({ generate: () => ({}), rowsPerSecond: 0 }))).toBe("GENERATOR_INVALID");
    expect(codeOf(() => generator({ generate: () => ({}), count: -1 }))).toBe("GENERATOR_INVALID");
    const failing = generator({
      generate: (i: number) => {
        if (i > 50) throw new Error("no more");
        return { i };
      },
      count: 100,
    });
    await expect(read(new Simulation(), failing)).rejects.toMatchObject({ code: "USER_FUNCTION_FAILED" });
  });
});
