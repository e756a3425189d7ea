import { beforeAll, describe, expect, it } from "vitest";
import type { Host, HostFiles } from "../../../src/core/host.ts";
import {
  col,
  type ExecuteOptions,
  Schema,
  StreamExecutionEnvironment,
  type StreamJob,
  sum,
  TumblingEventTimeWindows,
  types,
  valueState,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";
import { readFile } from "../../support/files-contract.ts";
import { visibleLines } from "../../support/visible-lines.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));

const total = valueState("total", types.int64);
const sums = Schema.of({ n: types.int64, sum: types.int64 });
const COUNT = 200;

interface Program {
  readonly parallelism?: number;
  readonly maxParallelism?: number;
  readonly checkpoints?: string;
  readonly out?: string;
  readonly sumsUid?: string;
  readonly calls?: string[];
}

/** Running sums of 4 keys into files, and sums of windows of 500 ms of event time into others; 100 rows a second. */
function program(host: Host, given: Program = {}): StreamExecutionEnvironment {
  const { parallelism = 2, maxParallelism = 16, checkpoints, out = "/out", sumsUid = "sums", calls = [] } = given;
  const env = StreamExecutionEnvironment.create({
    host,
    parallelism,
    maxParallelism,
    batchRows: 5,
    bufferTimeoutMs: 1,
  });
  if (checkpoints !== undefined) env.enableCheckpointing(300, { directory: checkpoints, tolerableFailures: 100 });
  const numbers = env
    .fromGenerator(
      { n: col("n"), key: col("n").mod(4n), t: col("n").mul(10n) },
      { count: COUNT, rowsPerSecond: 100 },
      WatermarkStrategy.boundedOutOfOrderness<never>(0).withTimestamps("t" as never) as never,
    )
    .uid("numbers");
  numbers
    .keyBy("key")
    .process(
      {
        processElement({ n }, { state }, out) {
          const next = (state(total).get() ?? 0n) + (n ?? 0n) + 1n;
          state(total).set(next);
          out.collect({ n, sum: next });
        },
        close: () => void calls.push("close"),
      },
      { schema: sums },
    )
    .uid(sumsUid)
    .writeToFiles(`${out}/sums`, { format: "json", uid: "files" });
  numbers
    .keyBy("key")
    .window(TumblingEventTimeWindows.of(500))
    .aggregate({ s: sum("n") })
    .uid("windows")
    .select("key", "windowStart", "s")
    .writeToFiles(`${out}/windows`, { format: "json", uid: "window files" });
  return env;
}

interface Written {
  readonly sums: readonly string[];
  readonly windows: readonly string[];
}

const look = (files: HostFiles, out = "/out"): Written => {
  const of = (name: string) =>
    Object.values(visibleLines(files, `${out}/${name}`))
      .flat()
      .sort();
  return { sums: of("sums"), windows: of("windows") };
};

/** What an undisturbed run writes. */
async function undisturbed(): Promise<Written> {
  const simulation = new Simulation({ seed: 5, parallelism: 4 });
  await simulation.run(async (host) => {
    await program(host).execute();
  });
  return look(simulation.host.files);
}

/** Runs until it is stopped at `ms` of its time, then whatever `then` does. */
async function stoppedAt(
  host: Host,
  ms: number,
  given: Program = {},
  options: ExecuteOptions = {},
): Promise<StreamJob> {
  const job = await program(host, given).executeAsync(options);
  await pause(host, ms);
  return job;
}

function copyDirectory(files: HostFiles, from: string, to: string): void {
  files.makeDirectory(to);
  for (const name of files.list(from)) {
    if (files.stat(`${from}/${name}`)?.isDirectory === true) copyDirectory(files, `${from}/${name}`, `${to}/${name}`);
    else {
      const file = files.openWrite(`${to}/${name}`);
      file.write(readFile(files, `${from}/${name}`));
      file.sync();
      file.close();
    }
  }
}

const tree = (files: HostFiles, path: string): string[] =>
  files
    .list(path)
    .flatMap((name) =>
      files.stat(`${path}/${name}`)?.isDirectory === true
        ? tree(files, `${path}/${name}`).map((below) => `${name}/${below}`)
        : [name],
    );

const simulated = (seed = 1) => new Simulation({ seed, parallelism: 4 });

describe("a savepoint", () => {
  it("is taken while the job goes on, tells by its names what is in it, and may be copied anywhere", async () => {
    const expected = await undisturbed();
    await simulated().run(async (host) => {
      const job = await stoppedAt(host, 700);
      const taken = await job.savepoint("/save/one");
      expect(taken).toMatchObject({ path: "/save/one", checkpointId: 1 });
      expect(taken.stateBytes).toBeGreaterThan(1000);
      expect(tree(host.files, "/save/one")).toEqual(
        expect.arrayContaining([
          "manifest.copy.json",
          "manifest.json",
          "state/numbers/splits-0.arrows",
          "state/sums/value-total-0.arrows",
          "state/sums/value-total-1.arrows",
          "state/window-files/committables-0.arrows",
          "state/windows/panes-1.arrows",
        ]),
      );
      expect(job.status).toBe("RUNNING");
      await job.cancel();
      copyDirectory(host.files, "/save/one", "/elsewhere/copy");
      host.files.remove("/save");
      const second = await program(host, { parallelism: 3 }).executeAsync({ restoreFrom: "/elsewhere/copy" });
      await second.result();
      expect(look(host.files)).toEqual(expected);
    });
  });

  it("overwrites nothing", () =>
    simulated().run(async (host) => {
      const job = await stoppedAt(host, 300);
      host.files.makeDirectory("/save/empty");
      await job.savepoint("/save/empty");
      await expect(job.savepoint("/save/empty")).rejects.toMatchObject({ code: "SAVEPOINT_EXISTS" });
      await expect(job.savepoint("/save")).rejects.toMatchObject({ code: "SAVEPOINT_EXISTS" });
      await expect(job.savepoint("")).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
      await expect(job.stopWithSavepoint("/save/x", { drain: 1 as never })).rejects.toMatchObject({
        code: "ARGUMENT_INVALID",
      });
      await job.cancel();
    }));

  it.each([
    ["disk.write", "disk-full"],
    ["disk.sync", "io-error"],
    ["disk.rename", "io-error"],
    ["disk.open-write", "io-error"],
  ] as const)(
    "that fails at %s leaves the job running and nothing half-written, stopping or not",
    async (label, kind) => {
      const expected = await undisturbed();
      for (const checkpoints of [undefined, "/checkpoints"]) {
        const simulation = simulated(3);
        await simulation.run(async (host) => {
          const job = await stoppedAt(host, 400, checkpoints === undefined ? {} : { checkpoints });
          for (const [i, nth] of [0, 1, 4, 7].entries()) {
            simulation.addFault({ label, nth, kind, path: `/save/${i}` });
            const failed = i % 2 === 0 ? job.savepoint(`/save/${i}`) : job.stopWithSavepoint(`/save/${i}`);
            await expect(failed).rejects.toMatchObject({ code: kind === "disk-full" ? "DISK_FULL" : "FILE_IO" });
            expect(host.files.stat(`/save/${i}`)).toBeUndefined();
            expect(job.status).toBe("RUNNING");
          }
          await job.savepoint("/save/good");
          await job.result();
        });
        expect(look(simulation.host.files)).toEqual(expected);
      }
    },
  );
});

describe("stopping with a savepoint", () => {
  it("fires nothing, and who goes on from it gives what an undisturbed run does", async () => {
    const expected = await undisturbed();
    await simulated(2).run(async (host) => {
      const calls: string[] = [];
      const job = await stoppedAt(host, 730, { calls });
      await job.stopWithSavepoint("/save/stop");
      expect(job.status).toBe("FINISHED");
      expect(calls).toEqual(["close", "close"]);
      const { sums, windows } = look(host.files);
      // The window of 0 to 500 ms has ended; that of 500 to 1000 ms has not.
      expect(windows.length).toBe(4);
      expect(sums.length).toBeGreaterThan(60);
      expect(sums.length).toBeLessThan(80);
      await program(host, { parallelism: 1 }).execute({ restoreFrom: "/save/stop" });
      expect(look(host.files)).toEqual(expected);
    });
  });

  it("with drain fires all there is, and who goes on from it begins without open windows and keeps the rest", async () => {
    const expected = await undisturbed();
    await simulated(2).run(async (host) => {
      const job = await stoppedAt(host, 730, { checkpoints: "/checkpoints" });
      await job.stopWithSavepoint("/save/drained", { drain: true });
      expect(job.status).toBe("FINISHED");
      const drained = look(host.files);
      expect(drained.windows.length).toBe(8);
      await program(host).execute({ restoreFrom: "/save/drained" });
      const all = look(host.files);
      // The running sums go on: nothing is lost or doubled.
      expect(all.sums).toEqual(expected.sums);
      // The window that was open is given in two parts, which together are the whole.
      expect(all.windows.length).toBe(expected.windows.length + 4);
      const totals = (lines: readonly string[]) => {
        const found = new Map<string, number>();
        for (const line of lines) {
          const { key, windowStart, s } = JSON.parse(line) as Record<string, unknown>;
          found.set(`${key} ${windowStart}`, (found.get(`${key} ${windowStart}`) ?? 0) + Number(s));
        }
        return found;
      };
      expect(totals(all.windows)).toEqual(totals(expected.windows));
      // The job itself has come to its end.
      await program(host, { checkpoints: "/checkpoints" }).execute();
      expect(look(host.files)).toEqual(all);
    });
  });

  it("lets a job with a directory of checkpoints go on where it stopped, without being told", async () => {
    const expected = await undisturbed();
    await simulated(4).run(async (host) => {
      const job = await stoppedAt(host, 800, { checkpoints: "/checkpoints" });
      await job.stopWithSavepoint("/save/stop");
      await program(host, { checkpoints: "/checkpoints" }).execute();
      expect(look(host.files)).toEqual(expected);
    });
  });

  it("is refused where the job has ended", () =>
    simulated(4).run(async (host) => {
      const job = await program(host).executeAsync();
      await job.result();
      await expect(job.stopWithSavepoint("/save/late")).rejects.toMatchObject({ code: "CHECKPOINT_ABORTED" });
      expect(host.files.stat("/save/late")).toBeUndefined();
    }));
});

describe("going on from a savepoint", () => {
  it("is refused before anything is written where that is not possible", () =>
    simulated(6).run(async (host) => {
      const { files } = host;
      const job = await stoppedAt(host, 400);
      await job.stopWithSavepoint("/save/a");
      const before = look(files);
      const start = (options: ExecuteOptions, given: Program = {}) => program(host, given).execute(options);
      await expect(start({ restoreFrom: "/save/none" })).rejects.toMatchObject({ code: "SAVEPOINT_NOT_FOUND" });
      await expect(start({ restoreFrom: "/save" })).rejects.toMatchObject({ code: "SAVEPOINT_NOT_FOUND" });
      await expect(start({ restoreFrom: 1 as never })).rejects.toMatchObject({ code: "OPTION_INVALID" });
      await expect(start({ restoreFrom: "/save/a" }, { maxParallelism: 32 })).rejects.toMatchObject({
        code: "MAX_PARALLELISM_CHANGED",
      });
      await expect(start({ restoreFrom: "/save/a" }, { sumsUid: "other" })).rejects.toMatchObject({
        code: "STATE_NOT_IN_JOB",
        message: expect.stringContaining('.uid("sums")'),
      });
      copyDirectory(files, "/save/a", "/save/unfinished");
      files.remove("/save/unfinished/manifest.json");
      await expect(start({ restoreFrom: "/save/unfinished" })).rejects.toMatchObject({ code: "SAVEPOINT_INCOMPLETE" });
      for (const name of ["manifest.json", "state/sums/value-total-0.arrows"]) {
        copyDirectory(files, "/save/a", "/save/rotten");
        const bytes = readFile(files, `/save/rotten/${name}`);
        bytes[bytes.length >> 1] ^= 4;
        const file = files.openWrite(`/save/rotten/${name}`);
        file.write(bytes);
        file.close();
        if (name.startsWith("manifest")) {
          // The copy serves.
          const copied = files.stat("/save/rotten/manifest.copy.json");
          expect(copied).toBeDefined();
          files.remove("/save/rotten/manifest.copy.json");
        }
        await expect(start({ restoreFrom: "/save/rotten" })).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
        files.remove("/save/rotten");
      }
      expect(look(files)).toEqual(before);
      // State of a step that is gone is left behind where that is allowed.
      await start({ restoreFrom: "/save/a", allowNonRestoredState: true }, { sumsUid: "other" });
      expect(look(files).sums.length).toBe(COUNT);
    }));

  it("never goes back to it once the job has checkpoints that come from it", async () => {
    const expected = await undisturbed();
    await simulated(7).run(async (host) => {
      const own = { checkpoints: "/checkpoints" };
      const first = await stoppedAt(host, 400);
      await first.stopWithSavepoint("/save/a");
      const again = { restoreFrom: "/save/a" };
      // Without a checkpoint of its own it begins with the savepoint again, and only with that.
      await (await stoppedAt(host, 20, own, again)).cancel();
      await expect(program(host, own).execute()).rejects.toMatchObject({ code: "RESTORE_MISSING" });
      await (await stoppedAt(host, 500, own, again)).cancel();
      const written = look(host.files).sums.length;
      const third = await stoppedAt(host, 0, own, again);
      while (third.latestCheckpoint === undefined) await pause(host, 1);
      expect(third.latestCheckpoint.checkpointId).toBeGreaterThan(1);
      expect(third.latestCheckpoint.isSavepoint).toBeUndefined();
      await third.cancel();
      expect(look(host.files).sums.length).toBeGreaterThanOrEqual(written);
      // Another savepoint is not passed over without a word.
      const other = await stoppedAt(host, 10, { out: "/other" });
      await other.stopWithSavepoint("/save/b");
      await expect(program(host, own).execute({ restoreFrom: "/save/b" })).rejects.toMatchObject({
        code: "RESTORE_AMBIGUOUS",
      });
      // Its checkpoints do without the savepoint.
      host.files.remove("/save/a");
      await program(host, own).execute(again);
      expect(look(host.files)).toEqual(expected);
    });
  });

  it("goes for one of the checkpoints in a job's directory too", async () => {
    const expected = await undisturbed();
    await simulated(8).run(async (host) => {
      const job = await stoppedAt(host, 1000, { checkpoints: "/checkpoints" });
      await job.cancel();
      const [, newest] = host.files.list("/checkpoints").filter((name) => name.startsWith("chk-"));
      await program(host).execute({ restoreFrom: `/checkpoints/${newest}` });
      expect(look(host.files)).toEqual(expected);
    });
  });

  it("may be done by two jobs at once, each with what was written before it", async () => {
    const expected = await undisturbed();
    const simulation = simulated(9);
    await simulation.run(async (host) => {
      const job = await stoppedAt(host, 650);
      await job.savepoint("/save/ab");
      await job.cancel();
      // What the savepoint had prepared is visible since it was taken.
      const before = look(host.files);
      expect(before.sums.length).toBeGreaterThan(40);
      const [a, b] = await Promise.all([
        program(host).executeAsync({ restoreFrom: "/save/ab" }),
        program(host, { out: "/b", parallelism: 1 }).executeAsync({ restoreFrom: "/save/ab" }),
      ]);
      await Promise.all([a.result(), b.result()]);
      expect(look(host.files)).toEqual(expected);
      const other = look(host.files, "/b");
      expect([...before.sums, ...other.sums].sort()).toEqual(expected.sums);
      expect([...before.windows, ...other.windows].sort()).toEqual(expected.windows);
    });
  });
});
