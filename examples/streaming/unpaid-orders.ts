// Alerts for orders that are not paid within a quarter of an hour, by a timer of event time per order.
//   npx tsx examples/streaming/unpaid-orders.ts
import { fileURLToPath } from "node:url";
import { type DataStream, Schema, StreamExecutionEnvironment, types, valueState, WatermarkStrategy } from "millrace";

const PATIENCE_MS = 15 * 60_000;

export const orderEvent = Schema.of({ orderId: types.int64, kind: types.utf8, time: types.timestamp("ms") });
export const alert = Schema.of({ orderId: types.int64, since: types.timestamp("ms") });

const orderedAt = valueState("ordered at", types.timestamp("ms"));
const paidAt = valueState("paid at", types.timestamp("ms"));

/** One row per order whose payment has not come within a quarter of an hour. */
export function unpaidOrders(events: DataStream<typeof orderEvent.$fields>) {
  return events.keyBy("orderId").process(
    {
      processElement({ kind }, { state, timers, timestampMs }) {
        state(kind === "payment" ? paidAt : orderedAt).set(timestampMs);
        timers.registerEventTime(timestampMs + PATIENCE_MS);
      },
      // Event time says that everything up to here has come, in whatever order.
      onTimer(timeMs, { key, state }, out) {
        const [ordered, paid] = [state(orderedAt).get(), state(paidAt).get()];
        const isDue = (since: number | bigint | null) => since !== null && Number(since) + PATIENCE_MS === timeMs;
        if (ordered !== null && isDue(ordered)) {
          if (paid === null || Number(paid) > timeMs) out.collect({ orderId: key, since: ordered });
          state(orderedAt).clear();
        }
        if (isDue(paid)) state(paidAt).clear();
      },
    },
    { schema: alert, name: "wait for payments" },
  );
}

/** Orders of a day, one every ten seconds, and their payments, some of which come too late or never. */
export function orderEvents(orders: number): { orderId: bigint; kind: string; time: Date }[] {
  const start = Date.UTC(2026, 0, 1);
  const events: { orderId: bigint; kind: string; time: Date }[] = [];
  for (let i = 0; i < orders; i++) {
    const orderedMs = start + i * 10_000;
    events.push({ orderId: BigInt(i), kind: "order", time: new Date(orderedMs) });
    const minutes = (i * 7919) % 23;
    if (minutes < 21)
      events.push({ orderId: BigInt(i), kind: "payment", time: new Date(orderedMs + minutes * 60_000) });
  }
  return events.sort((a, b) => a.time.getTime() - b.time.getTime());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const env = StreamExecutionEnvironment.create();
  const strategy = WatermarkStrategy.boundedOutOfOrderness<typeof orderEvent.$fields>(60_000).withTimestamps("time");
  unpaidOrders(env.fromCollection(orderEvents(200), orderEvent, strategy)).print("not paid");
  await env.execute();
}
