import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import {
  CumulateProcessingTimeWindows,
  count,
  ProcessingTimeSessionWindows,
  Schema,
  SlidingProcessingTimeWindows,
  StreamExecutionEnvironment,
  TumblingProcessingTimeWindows,
  types,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const SIZE_MS = 1000;
/** When rows come, from the start of a second on; far enough from the bounds of windows. */
const ARRIVALS_MS = [50, 550, 1050, 1150, 3250];

async function* arrivals(host: Host): AsyncGenerator<{ key: string }> {
  const startMs = Math.ceil(host.clock.nowMs() / SIZE_MS) * SIZE_MS;
  for (const arrivalMs of ARRIVALS_MS) {
    const waitMs = startMs + arrivalMs - host.clock.nowMs();
    await new Promise<void>((resolve) => void host.scheduler.after(waitMs, resolve));
    yield { key: "a" };
  }
  await new Promise<void>((resolve) => void host.scheduler.after(5 * SIZE_MS, resolve));
}

/** The windows by their bounds from the start on, with the number of their rows. */
const expected = {
  tumbling: ["0-1000 2", "1000-2000 2", "3000-4000 1"],
  sliding: ["-500-500 1", "0-1000 2", "500-1500 3", "1000-2000 2", "2500-3500 1", "3000-4000 1"],
  cumulate: ["0-500 1", "0-1000 2", "1000-1500 2", "1000-2000 2", "3000-3500 1", "3000-4000 1"],
  session: ["50-1750 4", "3250-3850 1"],
};
const assigners = {
  tumbling: TumblingProcessingTimeWindows.of(SIZE_MS),
  sliding: SlidingProcessingTimeWindows.of(SIZE_MS, 500),
  cumulate: CumulateProcessingTimeWindows.of(SIZE_MS, 500),
  session: ProcessingTimeSessionWindows.withGap(600),
};

describe.each(Object.keys(assigners) as (keyof typeof assigners)[])("%s windows by the clock", (name) => {
  it.each(["aggregates", "functions"])("have the rows that came in them, by %s", (by) =>
    new Simulation({ seed: 5 }).run(async (host) => {
      const env = StreamExecutionEnvironment.create({ host, bufferTimeoutMs: 0 });
      const startMs = Math.ceil(host.clock.nowMs() / SIZE_MS) * SIZE_MS;
      const given: string[] = [];
      // Rows are a few milliseconds on their way, by which sessions begin later.
      const since = (timeMs: number) => Math.floor((timeMs - startMs) / 50) * 50;
      const note = (fromMs: number, toMs: number, rows: number): void => {
        given.push(`${since(fromMs)}-${since(toMs)} ${rows}`);
      };
      const windows = env
        .fromAsyncIterable(arrivals(host), { schema: Schema.of({ key: types.utf8 }) })
        .keyBy("key")
        .window(assigners[name]);
      if (by === "aggregates") {
        windows
          .aggregate({ n: count() })
          .forEach(({ windowStart, windowEnd, n }) => void note(Number(windowStart), Number(windowEnd), Number(n)));
      } else {
        windows
          .process((_, { window }, rows) => [{ from: window.startMs, to: window.endMs, n: rows.length }], {
            schema: Schema.of({ from: types.float64, to: types.float64, n: types.int32 }),
          })
          .forEach(({ from, to, n }) => void note(from ?? 0, to ?? 0, n ?? 0));
      }
      await env.execute();
      expect(given.sort()).toEqual([...expected[name]].sort());
    }),
  );
});
