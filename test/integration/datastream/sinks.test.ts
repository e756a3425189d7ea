import { beforeAll, describe, expect, it } from "vitest";
import { jsonSink } from "../../../src/connectors/json/json-sink.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import type { Host } from "../../../src/core/host.ts";
import {
  col,
  type JobSnapshot,
  Schema,
  type Sink,
  StreamExecutionEnvironment,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { visibleLines, visibleNumbers } from "../../support/visible-lines.ts";

beforeAll(loadEngine);

const rows = [1, 2, 3].map((n) => ({ n, text: `row ${n}` }));

/** A host that shows what is printed. */
function printing(host: Host, printed: string[]): Host {
  const terminal = { stream: { write: () => true }, output: { write: (text: string) => printed.push(text) } };
  return { ...host, terminal: { ...terminal, environment: {} } };
}

describe("a stream", () => {
  it("is printed, a changelog with what its rows do", () =>
    new Simulation({ seed: 1 }).run(async (host) => {
      const printed: string[] = [];
      const env = StreamExecutionEnvironment.create({ host: printing(host, printed), batchRows: 1 });
      env.fromCollection(rows).print("plain");
      await env.execute();
      expect(printed.join("")).toBe(rows.map((row) => `plain> ${JSON.stringify(row)}\n`).join(""));
      printed.length = 0;
      env
        .fromCollection([{ word: "a" }, { word: "a" }])
        .keyBy("word")
        .count()
        .print();
      await env.execute();
      expect(printed.join("")).toBe(
        ['+I {"word":"a","count":1}', '-U {"word":"a","count":1}', '+U {"word":"a","count":2}', ""].join("\n"),
      );
    }));

  it("is sent to a server, as JSON or as text", () =>
    new Simulation({ seed: 2 }).run(async (host) => {
      const listener = await host.network.listen(9001);
      const received: string[] = [];
      const serving = (async () => {
        for (let i = 0; i < 2; i++) {
          const connection = await listener.accept();
          let text = "";
          for (let chunk = await connection?.read(); chunk !== undefined; chunk = await connection?.read()) {
            text += Buffer.from(chunk).toString();
          }
          received.push(text);
        }
      })();
      const env = StreamExecutionEnvironment.create({ host });
      env.fromCollection(rows).writeToSocket("localhost", 9001);
      await env.execute();
      env.fromCollection(rows).select("text").writeToSocket("localhost", 9001, { format: "text" });
      await env.execute();
      await serving;
      expect(received).toEqual([rows.map((row) => `${JSON.stringify(row)}\n`).join(""), "row 1\nrow 2\nrow 3\n"]);
    }));

  it("is counted and dropped", async () => {
    const env = StreamExecutionEnvironment.create();
    env.fromCollection(rows).blackhole();
    const { metrics } = await env.execute();
    expect(metrics.reduce((sum, { counters }) => sum + (counters.rowsDropped ?? 0), 0)).toBe(3);
  });

  it.each([1, 2])("rolls files by size, into directories by value and time, at parallelism %d", (parallelism) =>
    new Simulation({ seed: 3, parallelism: 4 }).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, parallelism });
      const strategy = WatermarkStrategy.monotonous<{ n: { kind: "int64" } }>().withTimestamps(
        col("n").mul(86_400_000n),
      );
      const numbers = env.fromGenerator({ n: col("n") }, { count: 40 }, strategy);
      numbers.writeToFiles("/plain", { format: "text", roll: { rows: 10 }, uid: "plain" });
      numbers.writeToFiles("/parity", { format: "csv", bucketBy: { by: col("n").mod(2n), name: "odd" } });
      numbers.writeToFiles("/column", { format: "json", bucketBy: "n", prefix: "rows" });
      numbers.writeToFiles("/months", { format: "text", bucketBy: { eventTime: "month" } });
      await env.execute();
      const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
      expect(visibleNumbers(host.files, "/plain")).toEqual(upTo(40));
      expect(Math.max(...Object.values(visibleLines(host.files, "/plain")).map(({ length }) => length))).toBe(10);
      expect(host.files.list("/parity")).toEqual(["odd=0", "odd=1"]);
      expect(host.files.list("/column")).toHaveLength(40);
      expect(host.files.list("/column/n=7")[0]).toMatch(/^rows-/);
      expect(host.files.list("/months")).toEqual(["1970-01", "1970-02"]);
    }),
  );

  it("refuses changelogs where rows would pass for ones that stand", async () => {
    const env = StreamExecutionEnvironment.create();
    env.fromCollection(rows).keyBy("text").count().writeToFiles("/none", { format: "csv" });
    await expect(env.execute()).rejects.toMatchObject({ code: "UPDATES_NOT_ACCEPTED" });
  });

  it("refuses the files of a batch job, which would lose what came before a checkpoint", () => {
    const simulation = new Simulation();
    const env = StreamExecutionEnvironment.create({ host: simulation.host });
    const sink = jsonSink({ kind: "json", path: "/out" }, simulation.host);
    for (const name of ["sinkTo", "addSink"] as const) {
      expect(() => env.fromCollection(rows)[name](sink)).toThrow(
        expect.objectContaining({ code: "SINK_NOT_FOR_STREAMS", message: expect.stringContaining("writeToFiles") }),
      );
    }
  });

  it("commits what a sink of the user's own prepared, with each checkpoint and once", () =>
    new Simulation({ seed: 9 }).run(async (host) => {
      const committed: unknown[] = [];
      let restored: JobSnapshot | undefined;
      const run = async (stopAtMs?: number) => {
        const env = StreamExecutionEnvironment.create({ host, batchRows: 8 }).enableCheckpointing(100);
        let open: unknown[] = [];
        env
          .fromGenerator((n) => ({ n }), { count: 100, rowsPerSecond: 100 })
          .addSink({
            spec: { kind: "own" },
            description: "own",
            begin: () => undefined,
            createWriter: ({ count }) => ({
              write: ({ rowCount }) => {
                count("written", rowCount);
                open.push(rowCount);
              },
              prepareCheckpoint: (id) => {
                const rowCount = (open as number[]).reduce((sum, each) => sum + each, 0);
                open = [];
                return rowCount === 0 ? [] : [{ id, rowCount }];
              },
              prepareCommit: () => ({ id: -1, rowCount: (open as number[]).reduce((sum, each) => sum + each, 0) }),
              close: () => undefined,
            }),
            commit: (committables) => {
              for (const each of committables) {
                if (!committed.some((known) => JSON.stringify(known) === JSON.stringify(each))) committed.push(each);
              }
            },
            abort: () => undefined,
          });
        const job = await env.executeAsync(restored === undefined ? {} : { restore: restored });
        if (stopAtMs === undefined) await job.result();
        else {
          await new Promise<void>((resolve) => void host.scheduler.after(stopAtMs, resolve));
          await job.cancel();
          restored = job.latestCheckpoint;
        }
      };
      await run(450);
      expect(restored?.checkpointId).toBe(4);
      await run();
      const total = (committed as { rowCount: number }[]).reduce((sum, { rowCount }) => sum + rowCount, 0);
      expect(total).toBe(100);
    }));

  it("tells a sink its name and what its writers kept, and waits until it has begun", () =>
    new Simulation({ seed: 10 }).run(async (host) => {
      const begun: unknown[] = [];
      let isBegun = false;
      const start = async (restore?: JobSnapshot) => {
        isBegun = false;
        const env = StreamExecutionEnvironment.create({ host }).enableCheckpointing(100);
        const sink: Sink = {
          spec: { kind: "own" },
          description: "own",
          begin: async (_, { name, restored }) => {
            await new Promise<void>((resolve) => void host.scheduler.after(50, resolve));
            const kept: unknown[] = [];
            for (const batch of restored?.state.read("kept") ?? []) {
              kept.push(...readRows(restored?.workspace as never, batch));
              batch.release();
            }
            begun.push({ name, checkpointId: restored?.checkpointId, kept });
            isBegun = true;
          },
          createWriter: ({ name, workspace }) => ({
            write: () => expect([name, isBegun]).toEqual(["own sink", true]),
            prepareCheckpoint: () => [],
            snapshotState: (writer) =>
              writer.write("kept", "union", buildBatch(workspace, Schema.of({ text: types.utf8 }), [{ text: name }])),
            restoreState: () => undefined,
            prepareCommit: () => null,
            close: () => undefined,
          }),
          commit: () => undefined,
          abort: () => undefined,
        };
        env.fromGenerator((n) => ({ n }), { count: 100, rowsPerSecond: 200 }).addSink(sink, { uid: "own sink" });
        const job = await env.executeAsync(restore === undefined ? {} : { restore });
        await new Promise<void>((resolve) => void host.scheduler.after(230, resolve));
        await job.cancel();
        return job.latestCheckpoint;
      };
      await start(await start());
      expect(begun).toEqual([
        { name: "own sink", checkpointId: undefined, kept: [] },
        { name: "own sink", checkpointId: 1, kept: [{ text: "own sink" }] },
      ]);
    }));
});
