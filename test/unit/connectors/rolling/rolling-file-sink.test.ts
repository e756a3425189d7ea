import { beforeAll, describe, expect, it } from "vitest";
import { GeneratorSource } from "../../../../src/connectors/generator/generator-source.ts";
import { type RollingFileSinkSpec, rollingSink } from "../../../../src/connectors/rolling/rolling-file-sink.ts";
import { textFormat } from "../../../../src/connectors/text/text-sink.ts";
import type { HostFiles } from "../../../../src/core/host.ts";
import type { JobSnapshot } from "../../../../src/core/job-snapshot.ts";
import { loadEngine } from "../../../../src/testing/engine-thread.ts";
import { Simulation } from "../../../../src/testing/simulation.ts";
import { runStream } from "../../../support/stream-job.ts";
import { visibleLines, visibleNumbers } from "../../../support/visible-lines.ts";

beforeAll(loadEngine);

const numbers = (count: number, rowsPerSecond?: number, splitCount = 1) =>
  new GeneratorSource({
    kind: "generator",
    count,
    splitCount,
    ...(rowsPerSecond === undefined ? {} : { rowsPerSecond }),
    expressions: [{ name: "n", expression: { kind: "column", name: "n" } }],
  });

const sinkOf = (host: Simulation["host"], options: Partial<RollingFileSinkSpec> = {}) =>
  rollingSink(textFormat)({ kind: "rolling-text", path: "/out", ...options } as RollingFileSinkSpec, host);

const visible = (files: HostFiles, directory = "/out") => visibleLines(files, directory);
const sorted = (files: HostFiles) => visibleNumbers(files, "/out");
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("rolling files", () => {
  it("hold exactly so many rows each, and are all visible at the end", async () => {
    const simulation = new Simulation();
    const { host } = simulation;
    await simulation.run(() => runStream(host, { source: numbers(250), sink: sinkOf(host, { roll: { rows: 100 } }) }));
    expect(Object.values(visible(host.files)).map((rows) => rows.length)).toEqual([100, 100, 50]);
    expect(sorted(host.files)).toEqual(upTo(250));
    expect(host.files.list("/out").filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("become visible behind the checkpoint that holds them, and not before", async () => {
    const simulation = new Simulation({ tape: [] });
    const { host } = simulation;
    const seen: number[] = [];
    const stored: JobSnapshot[] = [];
    await simulation.run(() =>
      runStream(
        host,
        {
          source: numbers(100, 100),
          sink: sinkOf(host, { roll: { rows: 10 } }),
          hasCheckpoints: true,
          sinkParallelism: 2,
        },
        {
          checkpointEveryMs: 300,
          storeCheckpoint: (snapshot) => {
            stored.push(snapshot);
            seen.push(sorted(host.files).length);
          },
        },
      ),
    );
    expect(sorted(host.files)).toEqual(upTo(100));
    expect(stored.map(({ checkpointId, isFinal }) => [checkpointId, isFinal === true])).toEqual([
      [1, false],
      [2, false],
      [3, false],
      [4, true],
    ]);
    // What the first checkpoint holds is seen when the second is stored.
    expect(seen[0]).toBe(0);
    expect(seen[1]).toBeGreaterThanOrEqual(30);
    expect(seen[2]).toBeGreaterThan(seen[1]);
  });

  it("close by age and inactivity on the clock of the host", async () => {
    const simulation = new Simulation();
    const { host } = simulation;
    const run = (path: string, rowsPerSecond: number, roll: RollingFileSinkSpec["roll"]) =>
      simulation.run(() =>
        runStream(host, { source: numbers(10, rowsPerSecond), sink: sinkOf(host, { path, ...(roll && { roll }) }) }),
      );
    await run("/age", 10, { ageMs: 450 });
    expect(Object.values(visible(host.files, "/age")).map((rows) => rows.length)).toEqual([5, 5]);
    await run("/quiet", 1, { inactivityMs: 500 });
    expect(Object.values(visible(host.files, "/quiet")).map((rows) => rows.length)).toEqual(Array(10).fill(1));
  });

  it("go to buckets by an expression and by event time", async () => {
    const simulation = new Simulation();
    const { host } = simulation;
    const n = { kind: "column", name: "n" } as const;
    const three = { kind: "literal", type: { kind: "int64" }, value: "3" } as const;
    const remainder = { kind: "call", fn: "mod", args: [n, three] } as const;
    const byValue = sinkOf(host, { bucketBy: { kind: "expression", expression: remainder, name: "r" } });
    await simulation.run(() => runStream(host, { source: numbers(9), sink: byValue }));
    expect(host.files.list("/out")).toEqual(["r=0", "r=1", "r=2"]);
    expect(Object.values(visible(host.files, "/out/r=1"))).toEqual([["1", "4", "7"]]);

    const hours = { kind: "call", fn: "mul", args: [n, { ...three, value: "3600000" }] } as const;
    const byHour = sinkOf(host, { path: "/hours", bucketBy: { kind: "eventTime", unit: "hour" } });
    const strategy = {
      timestamps: { kind: "expression", expression: hours },
      generator: { kind: "boundedOutOfOrderness", delayMs: 0 },
    } as const;
    await simulation.run(() => runStream(host, { source: numbers(26), sink: byHour, strategy }));
    expect(host.files.list("/hours").slice(22)).toEqual([
      "1970-01-01--22",
      "1970-01-01--23",
      "1970-01-02--00",
      "1970-01-02--01",
    ]);
  });
});
