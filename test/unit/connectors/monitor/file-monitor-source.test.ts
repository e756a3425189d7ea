import { beforeAll, describe, expect, it } from "vitest";
import type { FileMonitorSourceSpec } from "../../../../src/connectors/monitor/file-monitor-source.ts";
import { connectorRegistry } from "../../../../src/connectors/registry.ts";
import { readRows } from "../../../../src/core/columns/read.ts";
import type { Host } from "../../../../src/core/host.ts";
import { nodeHost } from "../../../../src/host/node-host.ts";
import { ResultSink } from "../../../../src/runtime/result-sink.ts";
import type { JobSnapshot } from "../../../../src/runtime/snapshots.ts";
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
    if (!stop.signal.aborted) throw thrown;
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
});
