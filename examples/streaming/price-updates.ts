// What orders cost, by the price that was valid when each was placed, not by the one that is known when it is computed.
//   npx tsx examples/streaming/price-updates.ts
import { fileURLToPath } from "node:url";
import { col, type DataStream, Schema, StreamExecutionEnvironment, types, WatermarkStrategy } from "millrace";

export const order = Schema.of({
  orderId: types.int64,
  product: types.utf8,
  quantity: types.int64,
  placedAt: types.timestamp("ms"),
});
export const price = Schema.of({ product: types.utf8, cents: types.int64, validFrom: types.timestamp("ms") });

/** Every order with its price and cost in cents; both are null where the product had no price yet. */
export function costs(orders: DataStream<typeof order.$fields>, prices: DataStream<typeof price.$fields>) {
  return orders
    .keyBy("product")
    .temporalJoin(prices.keyBy("product"), { type: "left" })
    .select({
      orderId: col("orderId"),
      product: col("product"),
      cents: col("cents"),
      cost: col("quantity").mul(col("cents")),
    });
}

/** Orders, one per second, and prices that change every minute or so; tea has none in the first minutes. */
export function shop(orderCount: number) {
  const startMs = Date.UTC(2026, 0, 1);
  const products = ["coffee", "milk", "tea"];
  const orders = Array.from({ length: orderCount }, (_, i) => ({
    orderId: BigInt(i),
    product: products[(i * 7) % 3],
    quantity: BigInt(((i * 7919) % 5) + 1),
    placedAt: new Date(startMs + i * 1000),
  }));
  const prices = products.flatMap((product, p) =>
    Array.from({ length: Math.ceil(orderCount / 60) }, (_, i) => ({
      product,
      cents: BigInt(100 + ((i * 104_729 + p * 31) % 250)),
      validFrom: new Date(startMs + (i + (product === "tea" ? 5 : 0)) * 60_000 + p * 7_000),
    })),
  );
  return { orders, prices: prices.sort((a, b) => a.validFrom.getTime() - b.validFrom.getTime()) };
}

/** Both as streams whose rows come late by up to a minute. */
export function shopStreams(env: StreamExecutionEnvironment, { orders, prices }: ReturnType<typeof shop>) {
  const upToAMinute = WatermarkStrategy.boundedOutOfOrderness;
  return {
    orders: env.fromCollection(orders, order, upToAMinute<typeof order.$fields>(60_000).withTimestamps("placedAt")),
    prices: env.fromCollection(prices, price, upToAMinute<typeof price.$fields>(60_000).withTimestamps("validFrom")),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const env = StreamExecutionEnvironment.create();
  const { orders, prices } = shopStreams(env, shop(900));
  for await (const { orderId, product, cents, cost } of costs(orders, prices).executeAndCollect()) {
    if (Number(orderId) % 60 < 3) console.log(`order ${orderId}: ${product} at ${cents} cents costs ${cost}`);
  }
}
