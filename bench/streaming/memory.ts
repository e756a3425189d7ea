/** Whether a long run with bounded state keeps its memory. */
import { count, StreamExecutionEnvironment, TumblingEventTimeWindows } from "../../dist/index.js";
import type { Finding, StreamingOptions } from "./main.ts";
import { numbers, sinkOf, sumOf } from "./rows.ts";

declare const gc: (() => void) | undefined;

const KEYS = 10_000;
const BAR = 0.05;
const SAMPLES = 200;

/** 10,000 keys in windows of a second, at 100,000 events a second of event time. */
export async function memory({ events }: StreamingOptions): Promise<Finding[]> {
  const environment = StreamExecutionEnvironment.create();
  const resident: number[] = [];
  let counted = 0n;
  numbers(environment, { count: events, keys: KEYS, rowsPerMs: 100 })
    .keyBy("key")
    .window(TumblingEventTimeWindows.of(1000))
    .aggregate({ rows: count() })
    .addSink(
      sinkOf((batch, workspace) => {
        counted += sumOf(batch, workspace, "rows");
        if (counted < (BigInt(events) * BigInt(resident.length)) / BigInt(SAMPLES)) return;
        // What the collector has not yet looked at is no memory that is needed.
        if (typeof gc === "function") gc();
        resident.push(process.memoryUsage.rss());
      }),
    );
  await environment.execute();
  if (counted !== BigInt(events)) throw new Error(`the windows counted ${counted} rows of ${events}`);
  const quarter = (number: number): number => {
    const part = resident.slice((resident.length * number) / 4, (resident.length * (number + 1)) / 4);
    return part.reduce((total, bytes) => total + bytes, 0) / part.length;
  };
  const [second, last] = [quarter(1), quarter(3)];
  const growth = last / second - 1;
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  const text = `resident in the second quarter ${mib(second)}, in the last ${mib(last)}: ${(growth * 100).toFixed(1)} %`;
  return [{ text, isMet: growth <= BAR }];
}
