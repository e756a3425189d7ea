// Click-through rate of advertisements per hour: impressions joined with the clicks that follow within ten minutes.
//   npx tsx examples/streaming/click-through-rate.ts
import { fileURLToPath } from "node:url";
import {
  coalesce,
  col,
  count,
  type DataStream,
  Schema,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  types,
  WatermarkStrategy,
} from "millrace";

const MINUTE_MS = 60_000;

export const impression = Schema.of({ impressionId: types.int64, ad: types.utf8, shownAt: types.timestamp("ms") });
export const click = Schema.of({ impressionId: types.int64, clickedAt: types.timestamp("ms") });

/**
 * Impressions, clicks and their ratio per advertisement and hour. A click counts in the hour in which it comes, if it
 * comes within ten minutes of its impression.
 */
export function clickThroughRates(
  impressions: DataStream<typeof impression.$fields>,
  clicks: DataStream<typeof click.$fields>,
) {
  const hour = TumblingEventTimeWindows.of(60 * MINUTE_MS);
  const shown = impressions
    .keyBy("ad")
    .window(hour)
    .aggregate({ impressions: count() })
    .drop("windowStart", "windowEnd");
  const clicked = impressions
    .keyBy("impressionId")
    .intervalJoin(clicks.keyBy("impressionId"))
    .between(0, 10 * MINUTE_MS)
    .keyBy("ad")
    .window(hour)
    .aggregate({ clicks: count() })
    .drop("windowStart", "windowEnd");
  // Both give their rows with the last millisecond of the hour as event time: the same hour again.
  return shown
    .keyBy("ad")
    .join(clicked.keyBy("ad"), { type: "left" })
    .window(hour)
    .select({
      ad: col("ad"),
      hour: col("windowStart"),
      impressions: col("impressions"),
      clicks: coalesce(col("clicks"), 0n),
      rate: coalesce(col("clicks"), 0n).div(col("impressions")),
    });
}

/** What a web server might have logged in some hours: shown in order, clicked up to a quarter of an hour later. */
export function webLog(impressions: number) {
  const start = Date.UTC(2026, 0, 1);
  const shown = Array.from({ length: impressions }, (_, i) => ({
    impressionId: BigInt(i),
    ad: `ad-${(i * 31) % 5}`,
    shownAt: new Date(start + i * 1500),
  }));
  const clicked = shown
    .filter((_, i) => (i * 7919) % 100 < 8)
    .map(({ impressionId, shownAt }, i) => ({
      impressionId,
      clickedAt: new Date(shownAt.getTime() + ((i * 104_729) % 900) * 1000),
    }));
  return { shown, clicked: clicked.sort((a, b) => a.clickedAt.getTime() - b.clickedAt.getTime()) };
}

export function webLogStreams(env: StreamExecutionEnvironment, impressionCount: number) {
  const { shown, clicked } = webLog(impressionCount);
  const inOrder = WatermarkStrategy.monotonous;
  return {
    impressions: env.fromCollection(shown, impression, inOrder<typeof impression.$fields>().withTimestamps("shownAt")),
    clicks: env.fromCollection(clicked, click, inOrder<typeof click.$fields>().withTimestamps("clickedAt")),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const env = StreamExecutionEnvironment.create();
  const { impressions, clicks } = webLogStreams(env, 20_000);
  for await (const hour of clickThroughRates(impressions, clicks).executeAndCollect()) {
    const { ad, impressions: shown, clicks: clicked, rate } = hour;
    console.log(
      `${new Date(Number(hour.hour)).toISOString()} ${ad}: ${clicked} of ${shown} clicked, ${((rate ?? 0) * 100).toFixed(1)} %`,
    );
  }
}
