import { beforeAll, describe, expect, it } from "vitest";
import { AsyncIterableSource, type RowIterable } from "../../../../src/connectors/iterable/async-iterable-source.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import type { Host } from "../../../../src/core/host.ts";
import type { JobSnapshot } from "../../../../src/core/job-snapshot.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32 } from "../../../../src/core/types.ts";
import { ResultSink } from "../../../../src/runtime/result-sink.ts";
import { loadEngine } from "../../../../src/testing/engine-thread.ts";
import { Simulation } from "../../../../src/testing/simulation.ts";
import { codeOf } from "../../../support/files-contract.ts";
import { runStream, type StreamRun } from "../../../support/stream-job.ts";

beforeAll(loadEngine);

const schema = Schema.of({ n: int32 });
const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));

/** Batches of numbers that a job reads. */
async function read(host: Host, rows: RowIterable | (() => RowIterable), run: StreamRun = {}) {
  const batches: number[][] = [];
  const sink = new ResultSink((batch, workspace) => {
    batches.push(readRows(workspace, batch).map((row) => row.n as number));
  });
  await runStream(host, { source: new AsyncIterableSource(rows, { schema }), sink }, { batchRows: 10, ...run });
  return batches;
}

describe("an async iterable as a source", () => {
  it("gives rows and arrays of rows in full batches where they come at once", async () => {
    const batches = await new Simulation().run((host) =>
      read(host, async function* () {
        for (let n = 0; n < 7; n++) yield { n };
        yield Array.from({ length: 25 }, (_, i) => ({ n: 7 + i }));
        yield [];
        yield { n: 32 };
      }),
    );
    expect(batches.map((batch) => batch.length)).toEqual([10, 10, 10, 3]);
    expect(batches.flat()).toEqual(Array.from({ length: 33 }, (_, n) => n));
  });

  it("lets a row wait for others a few milliseconds only", async () => {
    const simulation = new Simulation({ tape: [] });
    const seen: number[] = [];
    await simulation.run(async (host) => {
      const startMs = simulation.elapsedMs;
      const sink = new ResultSink((batch) => {
        seen.push(batch.rowCount, Math.round(simulation.elapsedMs - startMs));
      });
      const rows = async function* () {
        yield { n: 1 };
        yield { n: 2 };
        await pause(host, 1000);
        yield { n: 3 };
      };
      await runStream(host, { source: new AsyncIterableSource(rows, { schema }), sink });
    });
    expect(seen).toEqual([2, 5, 1, 1000]);
  });

  it("is asked for no more than the job takes", async () => {
    let given = 0;
    const simulation = new Simulation();
    await simulation.run(async (host) => {
      const sink = new ResultSink(async () => {
        expect(given).toBeLessThanOrEqual(30);
        await pause(host, 10_000);
      });
      const rows = async function* () {
        for (; given < 30; given++) yield { n: given };
      };
      const running = runStream(host, { source: new AsyncIterableSource(rows, { schema }), sink }, { batchRows: 4 });
      await pause(host, 1000);
      expect(given).toBeLessThanOrEqual(20);
      await running;
    });
    expect(given).toBe(30);
  });

  it("reads a factory again after a restore, and drops what the job had seen", async () => {
    const simulation = new Simulation({ tape: [] });
    const { host } = simulation;
    let calls = 0;
    const rows = async function* () {
      calls++;
      for (let n = 0; n < 20; n++) {
        yield { n };
        await pause(host, 10);
      }
    };
    let first: JobSnapshot | undefined;
    const storeCheckpoint = (snapshot: JobSnapshot) => {
      first ??= snapshot;
    };
    const all = await simulation.run(() => read(host, rows, { checkpointEveryMs: 55, storeCheckpoint }));
    expect(all.flat()).toHaveLength(20);
    const rest = await simulation.run(() => read(host, rows, first === undefined ? {} : { restore: first }));
    expect(calls).toBe(2);
    expect(rest.flat()).toEqual(Array.from({ length: rest.flat().length }, (_, i) => i + 20 - rest.flat().length));
    expect(rest.flat().length).toBeLessThan(20);
    expect(rest.flat().length).toBeGreaterThan(5);
  });

  it("tells what it threw, and refuses what is no iterable", async () => {
    await expect(
      new Simulation().run((host) =>
        read(host, async function* () {
          yield { n: 1 };
          throw new RangeError("too far");
        }),
      ),
    ).rejects.toMatchObject({ code: "SOURCE_FAILED", operator: "read async iterable" });
    expect(codeOf(() => new AsyncIterableSource([1] as never, { schema }))).toBe("ITERABLE_INVALID");
  });

  it("can be cancelled while it waits for ever", async () => {
    const simulation = new Simulation();
    const stop = new AbortController();
    let hasReturned = false;
    const waiting: RowIterable = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => {
          hasReturned = true;
          return Promise.resolve({ value: undefined, done: true });
        },
      }),
    };
    await simulation.run(async (host) => {
      host.scheduler.after(10, () => stop.abort());
      await expect(read(host, waiting, { signal: stop.signal })).rejects.toMatchObject({ code: "JOB_CANCELLED" });
    });
    expect(hasReturned).toBe(true);
  });
});
