import { describe, expectTypeOf, it } from "vitest";
import { type DataStream, desc, Schema, types } from "../../src/index.ts";

declare const bids: DataStream<{
  auction: types.SimpleType<"int64">;
  price: types.SimpleType<"float64">;
}>;
declare const rates: DataStream<{
  auction: types.SimpleType<"int64">;
  price: types.SimpleType<"utf8">;
  rate: types.SimpleType<"int32">;
}>;
// Type tests are compiled, never run.
const compiled = (_: () => unknown) => undefined;

describe("the types of ranked, versioned and looked-up streams", () => {
  it("know the columns to rank by, and the rank", () => {
    compiled(() => {
      const keyed = bids.keyBy("auction");
      keyed.topN(3, "price", desc("auction"));
      // @ts-expect-error: a misspelt column does not compile
      keyed.topN(3, desc("prize"));
      // @ts-expect-error: nor does an order of nothing
      keyed.topN(3);
      // @ts-expect-error: nor another row than the first or last
      keyed.deduplicate({ keep: "best" });
      const ranked = keyed.topN(3, desc("price"), { rank: "place" });
      expectTypeOf(ranked.$fields.place).toEqualTypeOf<types.SimpleType<"int64">>();
      const forgetting = keyed.topN(3, desc("price"), { ttl: { ttlMs: 60_000, timeDomain: "event" } });
      expectTypeOf(forgetting).toEqualTypeOf<typeof bids>();
      // @ts-expect-error: nor an option that there is not
      keyed.topN(3, "price", { place: "rank" });
      expectTypeOf(keyed.deduplicate({ keep: "last" })).toEqualTypeOf<typeof bids>();
    });
  });

  it("know the columns of both sides", () => {
    compiled(() => {
      const joined = bids.keyBy("auction").temporalJoin(rates.keyBy("auction"));
      expectTypeOf(joined.$fields.price).toEqualTypeOf<types.SimpleType<"float64">>();
      expectTypeOf(joined.$fields.price_right).toEqualTypeOf<types.SimpleType<"utf8">>();
      const schema = Schema.of({ name: types.utf8 });
      bids.lookup("auction", (keys) => keys.map((key: bigint) => ({ name: String(key) })), { schema });
      bids.lookup(["auction", "price"], (keys) => keys.map(({ price }) => ({ name: price.toFixed() })), { schema });
      // @ts-expect-error: the function gets the values of the key's column
      bids.lookup("auction", (keys: readonly string[]) => keys.map((name) => ({ name })), { schema });
      // @ts-expect-error: what is found has columns
      bids.lookup("auction", () => [], {});
      const found = bids.lookup("auction", () => [], { schema });
      expectTypeOf(found.$fields.name).toEqualTypeOf<types.SimpleType<"utf8">>();
    });
  });
});
