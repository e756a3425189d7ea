import { beforeAll, describe, expect, it } from "vitest";
import type { Host, HostFiles } from "../../../src/core/host.ts";
import { col, type ExecuteOptions, StreamExecutionEnvironment, sum } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const pause = (host: Host, ms: number) => new Promise<void>((resolve) => void host.scheduler.after(ms, resolve));

function totals(host: Host, directory?: string): StreamExecutionEnvironment {
  const env = StreamExecutionEnvironment.create({ host, maxParallelism: 16 });
  if (directory !== undefined) env.enableCheckpointing(100, { directory });
  env
    .fromGenerator({ n: col("n"), key: col("n").mod(4n) }, { count: 100, rowsPerSecond: 100 })
    .uid("numbers")
    .keyBy("key")
    .aggregate({ total: sum("n") })
    .uid("totals")
    .blackhole({ uid: "nowhere" });
  return env;
}

async function takeSavepoint(host: Host, path: string, ms: number): Promise<void> {
  const job = await totals(host).executeAsync();
  await pause(host, ms);
  await job.stopWithSavepoint(path);
}

/** Begins the job in its directory and stops it before its first checkpoint. */
async function begin(host: Host, options: ExecuteOptions): Promise<void> {
  const job = await totals(host, "/job").executeAsync(options);
  await pause(host, 20);
  await job.cancel();
}

const markers = (files: HostFiles): string[] => files.list("/job").filter((name) => name.startsWith("began-from"));

function write(files: HostFiles, path: string, bytes: Uint8Array): void {
  const file = files.openWrite(path);
  file.write(bytes);
  file.sync();
  file.close();
}

describe("a job that began from a savepoint and has no checkpoint yet", () => {
  it.each([
    ["empty", []],
    ["cut off", [0x22, 0x2f]],
    ["other bytes", [0xff, 0x00, 0x7b]],
  ])("does not begin without state where the file that says so is %s", (_, bytes) =>
    new Simulation({ seed: 1 }).run(async (host) => {
      await takeSavepoint(host, "/save", 300);
      await begin(host, { restoreFrom: "/save" });
      const [marker, ...others] = markers(host.files);
      expect(others).toEqual([]);
      await expect(totals(host, "/job").execute()).rejects.toMatchObject({
        code: "RESTORE_MISSING",
        message: expect.stringContaining('from the savepoint "/save"'),
      });
      write(host.files, `/job/${marker}`, Uint8Array.from(bytes));
      await expect(totals(host, "/job").execute()).rejects.toMatchObject({
        code: "RESTORE_MISSING",
        message: expect.stringContaining("from a savepoint and"),
      });
      // With the savepoint it begins, and its checkpoints are known to come from it.
      await totals(host, "/job").execute({ restoreFrom: "/save" });
      await totals(host, "/job").execute({ restoreFrom: "/save" });
      // Nobody can tell any more whether the path was that of the one that is gone.
      host.files.remove("/save");
      await expect(totals(host, "/job").execute({ restoreFrom: "/save" })).rejects.toMatchObject({
        code: "RESTORE_AMBIGUOUS",
      });
      await totals(host, "/job").execute();
    }),
  );

  it("nor where it dies at any moment while it begins from another one", async () => {
    for (const label of ["disk.open-write", "disk.write", "disk.sync", "disk.rename", "disk.remove"]) {
      for (const kind of ["crash", "kill"] as const) {
        for (let nth = 0; nth < 12; nth++) {
          const simulation = new Simulation({ seed: nth });
          await simulation.run(async (host) => {
            await takeSavepoint(host, "/save/a", 200);
            await takeSavepoint(host, "/save/b", 400);
            await begin(host, { restoreFrom: "/save/a" });
          });
          simulation.addFault({ label, nth, kind, path: "/job" });
          await simulation.run((host) => begin(host, { restoreFrom: "/save/b" })).catch(() => undefined);
          if (simulation.struck.length === 0) break;
          await simulation.run(async (host) => {
            expect(markers(host.files).length, `${label} ${nth}`).toBeGreaterThan(0);
            await expect(totals(host, "/job").execute()).rejects.toMatchObject({ code: "RESTORE_MISSING" });
            await begin(host, { restoreFrom: "/save/b" });
            expect(markers(host.files)).toHaveLength(1);
            await totals(host, "/job").execute({ restoreFrom: "/save/b" });
            await expect(totals(host, "/job").execute({ restoreFrom: "/save/a" })).rejects.toMatchObject({
              code: "RESTORE_AMBIGUOUS",
            });
          });
        }
      }
    }
  });
});
