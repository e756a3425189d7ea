import { beforeAll, describe, expect, it } from "vitest";
import {
  count,
  Schema,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const rows = Schema.of({ at: types.int64, isLast: types.bool });
type Columns = typeof rows.$fields;

/** Says an hour after a row, by the clock, that nothing more will come; or at once where a row says so. */
const strategies = (nowMs: () => number) => ({
  periodic: WatermarkStrategy.custom<Columns>(() => {
    let heardAtMs = Number.POSITIVE_INFINITY;
    return {
      onEvent: () => {
        heardAtMs = nowMs();
      },
      onPeriodicEmit: (output) => {
        if (nowMs() - heardAtMs >= 3_600_000) output.emitWatermark(1_000);
      },
    };
  }).withTimestamps("at"),
  punctuated: WatermarkStrategy.custom<Columns>(() => ({
    onEvent: (row, timestampMs, output) => {
      if (row.isLast === true) output.emitWatermark(timestampMs);
    },
  })).withTimestamps("at"),
});

/** The windows that a stream which never ends has given, and after how many hours. */
async function windowsOf(name: "periodic" | "punctuated", place: "source" | "mid-stream"): Promise<unknown[]> {
  const simulation = new Simulation();
  return simulation.run(async (host) => {
    const env = StreamExecutionEnvironment.create({ host, watermarkIntervalMs: 60_000 });
    const strategy = strategies(() => host.clock.nowMs())[name];
    const never = async function* () {
      yield [
        { at: 5n, isLast: false },
        { at: 999n, isLast: true },
      ];
      await new Promise(() => undefined);
    };
    const given = { schema: rows };
    const stream =
      place === "source"
        ? env.fromAsyncIterable(never, given, strategy)
        : env.fromAsyncIterable(never, given).assignTimestampsAndWatermarks(strategy);
    const startMs = host.clock.nowMs();
    for await (const row of stream
      .windowAll(TumblingEventTimeWindows.of(1_000))
      .aggregate({ rows: count() })
      .executeAndCollect()) {
      return [row.rows, Math.round((host.clock.nowMs() - startMs) / 3_600_000)];
    }
    return [];
  });
}

describe.each(["source", "mid-stream"] as const)("watermarks of one's own in the %s", (place) => {
  it("come by the clock", async () => expect(await windowsOf("periodic", place)).toEqual([2n, 1]));
  it("come with a row", async () => expect(await windowsOf("punctuated", place)).toEqual([2n, 0]));
});
