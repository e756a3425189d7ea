import { beforeAll, expect, it } from "vitest";
import { col, StreamExecutionEnvironment } from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

/** When each of a hundred rows a second arrives behind a queue, in milliseconds of virtual time after it was due. */
function latenciesMs(bufferTimeoutMs: number): Promise<number[]> {
  return new Simulation({ seed: 1, parallelism: 1 }).run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, parallelism: 1, bufferTimeoutMs });
    const latencies: number[] = [];
    const startMs = host.clock.nowMs();
    await env
      .fromGenerator({ n: col("n") }, { count: 50, rowsPerSecond: 100 })
      .startNewChain()
      .rebalance()
      .forEach(({ n }) => {
        latencies.push(host.clock.nowMs() - startMs - Number(n) * 10);
      });
    await env.execute();
    return latencies;
  });
}

it("a thread without work sends what it has gathered, whatever the buffer timeout", async () => {
  for (const bufferTimeoutMs of [0, 1, 1000]) {
    const latencies = await latenciesMs(bufferTimeoutMs);
    expect(latencies).toHaveLength(50);
    expect(Math.max(...latencies)).toBeLessThanOrEqual(2);
  }
});
