import { describe, expectTypeOf, it } from "vitest";
import { col, type DataStream, type types } from "../../src/index.ts";

declare const orders: DataStream<{ id: types.SimpleType<"int64">; at: types.SimpleType<"int64"> }>;
declare const payments: DataStream<{ order: types.SimpleType<"int64">; at: types.SimpleType<"int64"> }>;
// Type tests are compiled, never run.
const compiled = (_: () => unknown) => undefined;
type FieldsOf<S> = S extends DataStream<infer F> ? F : never;

describe("a stream's types", () => {
  it("name the columns of an updating join, and refuse others in its condition", () => {
    compiled(() => {
      const joined = orders.keyBy("id").join(payments.keyBy("order")).updating();
      expectTypeOf<keyof FieldsOf<typeof joined>>().toEqualTypeOf<"id" | "at" | "order" | "at_right">();
      const keyed = orders.keyBy("id").join(payments.keyBy("order"));
      keyed.updating({ on: col("at_right").ge(col("at")), ttl: { ttlMs: 5, timeDomain: "event" } });
      // @ts-expect-error: a misspelt column does not compile
      keyed.updating({ on: col("at_rihgt").ge(col("at")) });
      // @ts-expect-error: nor a time domain that does not exist
      keyed.updating({ ttl: { ttlMs: 5, timeDomain: "evnt" } });
    });
  });

  it("know the column of row kinds", () => {
    compiled(() => {
      const named = orders.toChangelog({ column: "op" });
      expectTypeOf<keyof FieldsOf<typeof named>>().toEqualTypeOf<"id" | "at" | "op">();
      const rows = orders.toChangelog();
      expectTypeOf<keyof FieldsOf<typeof rows>>().toEqualTypeOf<"id" | "at" | "rowKind">();
      const back = rows.fromChangelog();
      expectTypeOf<keyof FieldsOf<typeof back>>().toEqualTypeOf<"id" | "at">();
      const again = named.fromChangelog({ column: "op" });
      expectTypeOf<keyof FieldsOf<typeof again>>().toEqualTypeOf<"id" | "at">();
    });
  });
});
