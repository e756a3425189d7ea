import { beforeAll, describe, expect, it } from "vitest";
import { nodeHost } from "../../../src/host/node-host.ts";
import { col, count, type ExecutionEnvironment, sum } from "../../../src/index.ts";
import { loadEngine } from "../../../src/testing/engine-thread.ts";
import { Simulation, type SimulationOptions } from "../../../src/testing/simulation.ts";
import { privateEnvironment } from "../../support/environments.ts";
import { readFile, writeFile } from "../../support/files-contract.ts";

beforeAll(loadEngine);

/** A job with exchanges: rows are grouped, then gathered and sorted. */
const remainders = (env: ExecutionEnvironment) =>
  env
    .sequence(0, 20_000)
    .filter(col("value").ge(100))
    .withColumns({ remainder: col("value").mod(7) })
    .groupBy("remainder")
    .aggregate({ rows: count(), total: sum("value") })
    .orderBy("remainder")
    .collect();

async function bigNumbers(env: ExecutionEnvironment): Promise<void> {
  env.readCsv("/in/numbers.csv").filter(col("n").gt(1)).writeCsv("/out");
  await env.execute();
}

function withNumbers(options: SimulationOptions): Simulation {
  const simulation = new Simulation(options);
  const { files } = simulation.host;
  files.makeDirectory("/in");
  writeFile(files, "/in/numbers.csv", Buffer.from("n,t\n1,a\n2,b\n3,c\n"));
  simulation.disk.syncAll();
  return simulation;
}

function runJob<T>(
  simulation: Simulation,
  parallelism: number,
  job: (env: ExecutionEnvironment) => Promise<T>,
): Promise<T> {
  const { env, close } = privateEnvironment({ parallelism, batchRows: 500, memoryBytes: 1 << 26 }, simulation.host);
  return simulation.run(async () => {
    const result = await job(env);
    await close();
    return result;
  });
}

describe("the engine on a simulated host", () => {
  it("gives the rows that the real one gives, on one thread and on two", async () => {
    const real = privateEnvironment({ parallelism: 1, batchRows: 500 }, nodeHost());
    const expected = await remainders(real.env);
    await real.close();
    expect(expected).toHaveLength(7);
    for (const parallelism of [1, 2]) {
      for (const seed of [1, 2, 3]) {
        const simulation = new Simulation({ seed });
        expect(await runJob(simulation, parallelism, remainders)).toEqual(expected);
        expect(simulation.threads()).toEqual([]);
      }
    }
  });

  it.each(["thread-1", "thread-2"])("takes rows that come before the job has reached %s", async (path) => {
    // The third message between a worker and the main thread: behind "ready" and "connect".
    const late = new Simulation({ faults: [{ label: "link.send", nth: 2, kind: "delay", path, amount: 5000 }] });
    const rows = await runJob(late, 2, (env) =>
      env
        .sequence(0, 2 ** 21)
        .filter(
          col("value")
            .mod(2 ** 14)
            .eq(0),
        )
        .groupBy("value")
        .aggregate({ rows: count() })
        .collect(),
    );
    expect(rows).toHaveLength(128);
  });

  it("repeats itself with the same tape, and takes other ways with another", async () => {
    const hashes = new Set<string>();
    for (const seed of [4, 5, 6]) {
      // Short slices of work: the threads take turns after each batch.
      const first = new Simulation({ seed, clockReadMs: 4 });
      await runJob(first, 2, remainders);
      expect(first.steps).toBeGreaterThan(50);
      const again = new Simulation({ seed, tape: first.decisions, clockReadMs: 4 });
      await runJob(again, 2, remainders);
      expect(again.traceHash).toBe(first.traceHash);
      hashes.add(first.traceHash);
    }
    expect(hashes.size).toBe(3);
  });

  it("leaves what a sink has committed on the disk, whatever a crash does then", async () => {
    const simulation = withNumbers({ tape: [] });
    await runJob(simulation, 2, bigNumbers);
    simulation.crash();
    const { files } = simulation.host;
    const [name] = files.list("/out");
    expect(Buffer.from(readFile(files, `/out/${name}`)).toString()).toBe("n,t\n2,b\n3,c\n");
  });

  it("fails with the error of a disk that is full, and runs again after it", async () => {
    const simulation = withNumbers({
      faults: [{ label: "disk.write", nth: 0, kind: "disk-full", path: "out" }],
    });
    await expect(runJob(simulation, 2, bigNumbers)).rejects.toMatchObject({ code: "DISK_FULL" });
    await runJob(simulation, 2, bigNumbers);
    expect(simulation.host.files.list("/out")).toHaveLength(1);
  });

  it("fails where a worker thread dies", async () => {
    const simulation = withNumbers({ faults: [{ label: "link.send", nth: 0, kind: "thread-dies", path: "thread-2" }] });
    await expect(runJob(simulation, 2, bigNumbers)).rejects.toMatchObject({ code: "THREAD_DIED" });
  });
});
