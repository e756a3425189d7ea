import { beforeAll, describe, expect, it } from "vitest";
import type { FileMonitorSourceSpec } from "../../../../src/connectors/monitor/file-monitor-source.ts";
import { connectorRegistry } from "../../../../src/connectors/registry.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import type { Host } from "../../../../src/core/host.ts";
import type { JobSnapshot } from "../../../../src/core/job-snapshot.ts";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { ResultSink } from "../../../../src/runtime/result-sink.ts";
import { loadEngine } from "../../../../src/testing/engine-thread.ts";
import { Simulation } from "../../../../src/testing/simulation.ts";
import { writeFile } from "../../../support/files-contract.ts";
import { withDirectory } from "../../../support/host.ts";
import { runStream, type StreamRun } from "../../../support/stream-job.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));
const put = (host: Host, path: string, text: string) => writeFile(host.files, path, Buffer.from(text));

/** Reads until `isEnough`, and gives the values of column `n` with the time they came at. */
async function watch(
  host: Host,
  spec: FileMonitorSourceSpec,
  isEnough: (values: readonly unknown[]) => boolean,
  run: StreamRun = {},
) {
  const factory = await connectorRegistry.sourceFactory(spec.kind);
  const stop = new AbortController();
  const values: unknown[] = [];
  const sink = new ResultSink((batch, workspace) => {
    values.push(...readRows(workspace, batch).map((row) => row.n));
    if (isEnough(values)) stop.abort();
  });
  await runStream(host, { source: factory(spec, host), sink }, { signal: stop.signal, ...run }).catch((thrown) => {
    if (!stop.signal.aborted && run.signal?.aborted !== true) throw thrown;
  });
  return values;
}

const csv = (options: Partial<FileMonitorSourceSpec> = {}): FileMonitorSourceSpec =>
  ({ kind: "monitor-csv", paths: "/in", ...options }) as FileMonitorSourceSpec;

describe("a directory that is watched", () => {
  it("gives files as they turn up, in the order of their last change", async () => {
    const simulation = new Simulation();
    const values = await simulation.run(async (host) => {
      host.files.makeDirectory("/in");
      put(host, "/in/z.csv", "n\n1\n2\n");
      await pause(host, 10);
      put(host, "/in/a.csv", "n\n3\n");
      const reading = watch(host, csv({ intervalMs: 100, complete: "renamed" }), (all) => all.length === 5);
      await pause(host, 500);
      put(host, "/in/.hidden", "n\n9\n");
      host.files.rename("/in/.hidden", "/in/b.csv");
      await pause(host, 500);
      put(host, "/in/c.csv", "n\n10\n");
      return reading;
    });
    expect(values).toEqual([1n, 2n, 3n, 9n, 10n]);
  });

  it("waits until a file has not changed for an interval", async () => {
    const simulation = new Simulation();
    const values = await simulation.run(async (host) => {
      host.files.makeDirectory("/in");
      put(host, "/in/first.csv", "n\n0\n");
      const reading = watch(host, csv({ intervalMs: 100 }), (all) => all.length === 4);
      const file = host.files.openWrite("/in/slow.csv");
      for (const text of ["n\n", "1\n", "2\n", "3\n"]) {
        file.write(Buffer.from(text));
        await pause(host, 70);
      }
      file.close();
      return reading;
    });
    expect(values).toEqual([0n, 1n, 2n, 3n]);
  });

  it("starts with an empty directory where it has a schema, and ends where it looks once", async () => {
    const simulation = new Simulation();
    const schema = [{ name: "n", type: { kind: "int32" } }];
    const { host } = simulation;
    const empty = csv({ intervalMs: 50, read: { schema }, complete: "renamed" });
    const values = await simulation.run(async () => {
      const reading = watch(host, empty, (all) => all.length === 2);
      await pause(host, 200);
      host.files.makeDirectory("/in");
      put(host, "/in/a.csv", "n\n7\n8\n");
      return reading;
    });
    expect(values).toEqual([7, 8]);
    expect(await simulation.run(() => watch(host, csv({ once: true }), () => false))).toEqual([7n, 8n]);
    await expect(simulation.run(() => watch(host, csv({ paths: "/none" }), () => false))).rejects.toMatchObject({
      code: "FILES_NONE_MATCH",
    });
  });

  it("reads no file twice after a restore, and none that is new too late", async () => {
    const simulation = new Simulation({ tape: [] });
    const stored: JobSnapshot[] = [];
    const { host } = simulation;
    host.files.makeDirectory("/in");
    put(host, "/in/a.csv", "n\n1\n2\n");
    const spec = csv({ intervalMs: 100, complete: "renamed" });
    await simulation.run(() => {
      const stop = new AbortController();
      host.scheduler.after(500, () => stop.abort());
      return watch(host, spec, () => false, {
        signal: stop.signal,
        checkpointEveryMs: 200,
        storeCheckpoint: (snapshot) => void stored.push(snapshot),
      }).catch(() => undefined);
    });
    put(host, "/in/b.csv", "n\n3\n");
    const [restore] = stored.slice(-1);
    expect(await simulation.run(() => watch(host, spec, (all) => all.length === 1, { restore }))).toEqual([3n]);
  });

  it("works on the real file system, for JSON lines and text too", () =>
    withDirectory(async (directory) => {
      const host = nodeHost();
      put(host, `${directory}/a.jsonl`, '{"n":1}\n');
      const spec = { kind: "monitor-json", paths: `${directory}/*.jsonl`, intervalMs: 20 } as const;
      const reading = watch(host, spec, (all) => all.length === 2);
      await pause(host, 60);
      put(host, `${directory}/.b`, '{"n":2}\n');
      host.files.rename(`${directory}/.b`, `${directory}/b.jsonl`);
      expect(await reading).toEqual([1n, 2n]);
    }));

  describe("remembers of what it has read", () => {
    const spec = csv({
      intervalMs: 100,
      complete: "unchanged",
      read: { schema: [{ name: "n", type: { kind: "int32" } }] },
    });

    /** Reads while files come and go, and gives the checkpoints with the time that each was taken at. */
    const watchFor = async (
      simulation: Simulation,
      ms: number,
      play: (host: Host) => Promise<void>,
      run: StreamRun = {},
    ) => {
      const stored: JobSnapshot[] = [];
      const { host } = simulation;
      const values = await simulation.run(async () => {
        const stop = new AbortController();
        host.scheduler.after(ms, () => stop.abort());
        const reading = watch(host, spec, () => false, {
          signal: stop.signal,
          storeCheckpoint: (snapshot) => void stored.push(snapshot),
          ...run,
        });
        await play(host);
        return reading;
      });
      return { values, stored };
    };
    const bytesOf = ({ operators }: JobSnapshot): number =>
      Object.values(operators.source.tables).reduce(
        (sum, { parts }) => sum + parts.reduce((a, b) => a + b.length, 0),
        0,
      );

    it("only the files that are there, and reads a later one of the same name", async () => {
      const simulation = new Simulation({ tape: [] });
      simulation.host.files.makeDirectory("/in");
      const { values, stored } = await watchFor(
        simulation,
        20_500,
        async (host) => {
          for (let n = 0; n < 40; n++) {
            const path = `/in/${"a long name ".repeat(20)}${n % 4}.csv`;
            put(host, path, `n\n${n}\n`);
            await pause(host, 400);
            host.files.remove(path);
            put(host, "/in/stays.csv", "n\n100\n");
            await pause(host, 100);
          }
        },
        { checkpointEveryMs: 1000 },
      );
      expect(values.filter((n) => n !== 100)).toEqual(Array.from({ length: 40 }, (_, n) => n));
      expect(values.filter((n) => n === 100)).toHaveLength(1);
      expect(stored.length).toBeGreaterThan(15);
      expect(bytesOf(stored[stored.length - 1])).toBeLessThanOrEqual(bytesOf(stored[2]));
    });

    it("of each file that was read no more than its name", async () => {
      const simulation = new Simulation({ tape: [] });
      const { host } = simulation;
      host.files.makeDirectory("/in");
      for (let n = 0; n < 200; n++) put(host, `/in/${n}.csv`, `n\n${n}\n`);
      const { stored } = await watchFor(simulation, 2000, async () => undefined, { checkpointEveryMs: 900 });
      expect(bytesOf(stored[stored.length - 1])).toBeLessThan(200 * 50);
    });

    it("all of it in a checkpoint that is taken before the first look, or between two", async () => {
      const simulation = new Simulation({ tape: [] });
      const { host } = simulation;
      host.files.makeDirectory("/in");
      put(host, "/in/a.csv", "n\n1\n");
      const first = await watchFor(simulation, 1000, async () => undefined, { checkpointEveryMs: 400 });
      expect(first.values).toEqual([1]);
      let restore = first.stored[first.stored.length - 1];
      // Each attempt takes its checkpoints sooner than a file can count as complete.
      const soon: StreamRun[] = [
        { onRunning: (control) => void control.checkpoint() },
        { checkpointEveryMs: 10 },
        { checkpointEveryMs: 30 },
      ];
      for (const run of soon) {
        const next = await watchFor(simulation, 60, async () => undefined, { ...run, restore });
        expect(next.values).toEqual([]);
        restore = next.stored[0];
      }
      const last = await watchFor(simulation, 1000, async () => undefined, { restore });
      expect(last.values).toEqual([]);
    });

    it("everything while the directory is away for a moment", async () => {
      const simulation = new Simulation({ tape: [] });
      simulation.host.files.makeDirectory("/in");
      put(simulation.host, "/in/a.csv", "n\n1\n");
      const { values } = await watchFor(simulation, 3000, async (host) => {
        await pause(host, 1000);
        host.files.rename("/in", "/away");
        await pause(host, 500);
        host.files.rename("/away", "/in");
      });
      expect(values).toEqual([1]);
    });
  });
});
