import { afterAll, describe, expect, it } from "vitest";
import { connectorRegistry } from "../../src/connectors/registry.ts";
import { SequenceSource } from "../../src/connectors/sequence/sequence-source.ts";
import type { Host, Link } from "../../src/core/host.ts";
import { kernelModule } from "../../src/host/kernel-module.ts";
import { nodeHost } from "../../src/host/node-host.ts";
import { col, count, type DataSet, ExecutionEnvironment, sum, types } from "../../src/index.ts";
import { sinkNode, sourceNode } from "../../src/plan/nodes.ts";
import { planJob } from "../../src/plan/planner.ts";
import { Engine } from "../../src/runtime/engine.ts";
import { StoredTable } from "../../src/runtime/stored-table.ts";
import { collectGarbageUntil } from "../support/collect-garbage.ts";
import { privateEnvironment } from "../support/environments.ts";

afterAll(() => ExecutionEnvironment.shutdown());

/** The real host, with an eye on what worker threads report: their memories, and what freeing tables gave. */
function watchedHost() {
  const host = nodeHost();
  const memories: WebAssembly.Memory[] = [];
  const leaked: number[] = [];
  const terminate: (() => Promise<void>)[] = [];
  const watched = (link: Link): Link => ({
    send: (message, transfer) => link.send(message, transfer),
    poll: () => {
      const message = link.poll() as { type: string; memory: WebAssembly.Memory; leaked: number } | undefined;
      if (message?.type === "ready") memories.push(message.memory);
      if (message?.type === "freed") leaked.push(message.leaked);
      return message;
    },
    onArrival: (callback) => link.onArrival(callback),
    close: () => link.close(),
  });
  const watching: Host = {
    ...host,
    threads: {
      spawn: (init, transfer) => {
        const handle = host.threads.spawn(init, transfer);
        terminate.push(() => handle.terminate());
        return { ...handle, link: watched(handle.link) };
      },
      createLink: () => host.threads.createLink(),
      open: (end) => host.threads.open(end),
    },
  };
  return {
    host: watching,
    leaked,
    terminate,
    memoryBytes: () => memories.reduce((bytes, { buffer }) => bytes + buffer.byteLength, 0),
  };
}

const numbers = (env: ExecutionEnvironment, rows: number) =>
  env.sequence(0, rows).select({
    n: col("value"),
    third: col("value").mod(3),
    text: col("value").mod(1000).cast(types.utf8),
  });

describe.each([1, 2])("persisted rows on %i threads", (parallelism) => {
  const watch = watchedHost();
  const { env, liveBlocks, close } = privateEnvironment({ parallelism }, watch.host);
  afterAll(close);
  const expectNothingKept = async () => {
    expect(await liveBlocks()).toBe(0);
    expect(watch.leaked.every((count) => count === 0)).toBe(true);
  };

  it("are the rows that the plan gives, in this and in later jobs, until they are freed", async () => {
    const kept = await numbers(env, 300_000).persist();
    expect(await kept.count()).toBe(300_000);
    const joined = await kept
      .join(kept.select({ n: col("n"), twin: col("third") }))
      .on("n")
      .persist();
    const totals = await kept.aggregate({ n: sum("n") }).collect();
    await kept.unpersist();
    expect(await joined.aggregate({ n: sum("n") }).collect()).toEqual(totals);
    expect(await joined.filter(col("twin").ne(col("third"))).count()).toBe(0);
    await expect(kept.filter(col("n").gt(1)).count()).rejects.toMatchObject({ code: "DATASET_UNPERSISTED" });
    await joined.unpersist();
    await expectNothingKept();
  });

  it("leave nothing behind where the job fails on the way", async () => {
    const failing: DataSet[] = [
      // On the threads that compute, after many rows were kept.
      numbers(env, 400_000).select({ n: col("n"), text: col("n").cast(types.utf8), small: col("n").cast(types.int8) }),
      // In a function of the calling thread, after many rows were kept there.
      numbers(env, 200_000).map((row) => {
        if (row.n === 150_000n) throw new Error("enough");
        return { n: row.n };
      }),
    ] as never;
    for (const dataSet of failing) {
      await expect(dataSet.persist()).rejects.toThrow();
      await expectNothingKept();
    }
  });

  it("leave nothing behind where the job is cancelled on the way", async () => {
    for (const delayMs of [0, 30, 120]) {
      const persisting = numbers(env, 30_000_000).persist({ signal: AbortSignal.timeout(delayMs) });
      await expect(persisting).rejects.toMatchObject({ code: "JOB_CANCELLED" });
      await expectNothingKept();
    }
  });

  it("wait to be freed for the job that reads them", async () => {
    const kept = await numbers(env, 200_000).persist();
    const reading = kept.groupBy("text").aggregate({ n: count() }).count();
    const other = kept.filter(col("third").eq(1)).count();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const freed = kept.unpersist();
    for (const [job, rows] of [
      [reading, 1000],
      [other, 66_667],
    ] as const) {
      // A job that had not begun yet finds them gone.
      const found = await job.catch((error: { code: string }) => error.code);
      expect([rows, "DATASET_UNPERSISTED"]).toContain(found);
    }
    await freed;
    await expectNothingKept();
  });

  it("take no more memory the hundredth time than the tenth", async () => {
    const step = async (fails: boolean) => {
      const data = numbers(env, 50_000);
      if (fails) await expect(data.select({ x: col("n").cast(types.int8) }).persist()).rejects.toThrow();
      else await (await data.persist()).unpersist();
    };
    for (let i = 0; i < 10; i++) await step(i % 2 === 0);
    const before = watch.memoryBytes();
    for (let i = 0; i < 40; i++) await step(i % 2 === 0);
    expect(watch.memoryBytes()).toBeLessThanOrEqual(before + (8 << 20));
    await expectNothingKept();
  });

  it("are freed once the program has dropped every dataset that reads them", async () => {
    const freed = watch.leaked.length;
    const isFreed = async () =>
      parallelism === 1 ? (await liveBlocks()) === 0 : watch.leaked.length >= freed + parallelism;
    const derived = await (async () => {
      const kept = await numbers(env, 200_000).persist();
      return { dataSet: kept.filter(col("third").eq(1)) };
    })();
    await expect(collectGarbageUntil(isFreed, 300)).rejects.toThrow();
    expect(await derived.dataSet.count()).toBe(66_667);
    Reflect.deleteProperty(derived, "dataSet");
    await collectGarbageUntil(isFreed);
    await expectNothingKept();
  });

  it("are not freed on a dataset that keeps none", async () => {
    await expect(numbers(env, 10).unpersist()).rejects.toMatchObject({ code: "NOT_PERSISTED" });
  });
});

describe("persisted rows", () => {
  it("lie on all threads, and each thread reads its own", async () => {
    const engine = await Engine.start(nodeHost(), connectorRegistry, kernelModule(), 2);
    const source = new SequenceSource({ kind: "sequence", from: "0", to: "4000000", step: "1" });
    const table = new StoredTable("table", source.schema);
    table.place.set(engine);
    const options = { memoryBytes: 1 << 28, batchRows: 8192 };
    await engine.run(planJob([sinkNode(sourceNode(source), table.sink())], 2), options);
    const homes = new Set(
      table
        .source("table")
        .splits()
        .map(({ home }) => home),
    );
    expect(homes.size).toBe(2);
    expect([...homes].every((home) => home !== undefined && engine.hasMemory(home))).toBe(true);
    expect(engine.workspace.allocator.liveBlocks).toBe(0);
    expect(table.rowCount).toBe(4_000_000);
    await table.release();
    await engine.close();
  });

  it("outlive the threads that made them", async () => {
    const { host, terminate } = watchedHost();
    const { env, close } = privateEnvironment({ parallelism: 2 }, host);
    const kept = await numbers(env, 300_000).persist();
    await terminate[0]();
    expect(await kept.distinct("text").count()).toBe(1000);
    await close();
    expect(await kept.aggregate({ n: sum("n") }).collect()).toEqual([{ n: (299_999n * 300_000n) / 2n }]);
    await kept.unpersist();
    await close();
  });

  it("can be read by jobs on any number of threads", async () => {
    const one = privateEnvironment({ parallelism: 1 });
    const two = privateEnvironment({ parallelism: 2 });
    const kept = await numbers(two.env, 200_000).persist();
    const read = one.env
      .sequence(0, 0)
      .select({ n: col("value") })
      .union(kept.select("n"));
    expect(await read.count()).toBe(200_000);
    await kept.unpersist();
    for (const { close } of [one, two]) await close();
  });

  it("leave half of the budget to jobs, which spill as ever", async () => {
    const { env, close } = privateEnvironment({ parallelism: 2, memoryBytes: 16 << 20 });
    const kept = await numbers(env, 300_000).persist();
    const sorted = await kept.orderBy("text", "n").persist();
    expect(await sorted.count()).toBe(300_000);
    expect(await sorted.groupBy("n").aggregate({ rows: count() }).count()).toBe(300_000);
    for (const each of [kept, sorted]) await each.unpersist();
    await close();
  });
});
