import type { Host } from "../../src/core/host.ts";
import {
  type CheckpointOptions,
  col,
  type FailoverStrategy,
  restartStrategies,
  Schema,
  StreamExecutionEnvironment,
  types,
  valueState,
} from "../../src/index.ts";
import { visibleNumbers } from "./visible-lines.ts";

const seen = valueState("seen", types.int64);

export interface TwoRegions {
  readonly failover?: FailoverStrategy;
  readonly directory?: string;
  /** Other options of checkpointing. */
  readonly checkpointing?: CheckpointOptions;
  /** Default 300; none where 0. */
  readonly intervalMs?: number;
  /** How often a region is started again, each time after `delayMs`. Default 2 times, 100 ms. */
  readonly attempts?: number;
  readonly delayMs?: number;
  /** Rows of one region, the first by default, that fail, each once. */
  readonly fails?: readonly number[];
  readonly failingRegion?: number;
  readonly counts?: readonly [number, number];
  /** How many keys there are. Default 3. */
  readonly keys?: bigint;
  /** By region, the rows that its function was given. */
  readonly rows?: readonly [number[], number[]];
}

/** Two streams that have nothing to do with each other, 100 rows a second each, through functions with state into files. */
export function twoRegions(host: Host, given: TwoRegions = {}): StreamExecutionEnvironment {
  const { failover = "region", directory, checkpointing = {}, intervalMs = 300, attempts = 2, delayMs = 100 } = given;
  const { fails = [], failingRegion = 0, counts = [200, 200], keys = 3n, rows = [[], []] } = given;
  const env = StreamExecutionEnvironment.create({ host, batchRows: 8 }).setFailoverStrategy(failover);
  env.setRestartStrategy(restartStrategies.fixedDelay({ attempts, delayMs }));
  const kept = directory === undefined ? checkpointing : { ...checkpointing, directory };
  if (intervalMs > 0) env.enableCheckpointing(intervalMs, kept);
  const bad = new Set(fails);
  for (const [region, count] of counts.entries()) {
    let counter: { add(n: number): void } | undefined;
    env
      .fromGenerator({ n: col("n"), key: col("n").mod(keys) }, { count, rowsPerSecond: 100 })
      .uid(`numbers ${region}`)
      .keyBy("key")
      .process(
        {
          open({ intCounter }) {
            counter = intCounter("rows");
          },
          processElement({ n }, { state }, out) {
            if (region === failingRegion && bad.delete(Number(n))) throw new Error(`row ${n} is bad`);
            rows[region].push(Number(n));
            counter?.add(1);
            state(seen).set((state(seen).get() ?? 0n) + 1n);
            out.collect({ n });
          },
        },
        { schema: Schema.of({ n: types.int64 }) },
      )
      .uid(`seen ${region}`)
      .writeToFiles(`/out/${region}`, { format: "text", roll: { rows: 20 }, uid: `files ${region}` });
  }
  return env;
}

export const writtenBy = (host: Host, region: number) => visibleNumbers(host.files, `/out/${region}`);
