import { beforeAll, describe, expect, it } from "vitest";
import { BlackholeSink } from "../../../../src/connectors/blackhole/blackhole-sink.ts";
import { CallbackSink } from "../../../../src/connectors/callback/callback-sink.ts";
import { MemorySource } from "../../../../src/connectors/memory/memory-source.ts";
import { PrintSink } from "../../../../src/connectors/print/print-sink.ts";
import { loadEngine } from "../../../../src/testing/engine-thread.ts";
import { Simulation } from "../../../../src/testing/simulation.ts";
import { runStream } from "../../../support/stream-job.ts";

beforeAll(loadEngine);

const source = () => new MemorySource({ kind: "memory", rows: [1, 2, 3, 4, 5].map((n) => ({ n })) });

describe("sinks of streams", () => {
  it("call back row by row or batch by batch, and wait for promises", async () => {
    const simulation = new Simulation();
    const rows: unknown[] = [];
    const batches: number[] = [];
    await simulation.run(async (host) => {
      const onRow = (row: Record<string, unknown>) => {
        if (rows.push(row) !== 2) return undefined;
        return new Promise<void>((resolve) => void host.scheduler.after(50, resolve));
      };
      await runStream(host, { source: source(), sink: new CallbackSink({ onRow }) });
      const onRows = (all: unknown[]) => void batches.push(all.length);
      await runStream(host, { source: source(), sink: new CallbackSink({ onRows }) }, { batchRows: 2 });
    });
    expect(rows).toEqual([1, 2, 3, 4, 5].map((n) => ({ n })));
    expect(batches).toEqual([2, 2, 1]);
    expect(simulation.elapsedMs).toBeGreaterThanOrEqual(50);
    const failing = new CallbackSink({
      onRow: () => {
        throw new TypeError("mine");
      },
    });
    await expect(
      new Simulation().run((host) => runStream(host, { source: source(), sink: failing })),
    ).rejects.toMatchObject({
      code: "USER_FUNCTION_FAILED",
    });
  });

  it("print rows with the number of the subtask where there are several", async () => {
    const printed: string[] = [];
    const simulation = new Simulation();
    await simulation.run(async (host) => {
      const terminal = { stream: { write: () => true }, output: { write: (text: string) => printed.push(text) } };
      const shown = { ...host, terminal: { ...terminal, environment: {} } };
      await runStream(shown, { source: source(), sink: new PrintSink() });
      await runStream(shown, {
        source: source(),
        sink: new PrintSink({ kind: "print", label: "x" }),
        sinkParallelism: 2,
      });
    });
    expect(printed[0]).toBe('{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n{"n":5}\n');
    expect(
      printed
        .slice(1)
        .join("")
        .split("\n")
        .filter((line) => /^x:[01]> \{"n":\d\}$/.test(line)),
    ).toHaveLength(5);
  });

  it("count what a blackhole swallows", async () => {
    const { metrics } = await new Simulation().run((host) =>
      runStream(host, { source: source(), sink: new BlackholeSink() }),
    );
    expect(metrics[0].counters.rowsDropped).toBe(5);
  });
});
