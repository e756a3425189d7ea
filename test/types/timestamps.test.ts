import { describe, expectTypeOf, it } from "vitest";
import { type RowOf, Schema, types } from "../../src/index.ts";

describe("types of timestamps", () => {
  it("know by their unit whether values are numbers or bigints", () => {
    const schema = Schema.of({ seconds: types.timestamp("s"), micros: types.timestamp("us"), day: types.time("ms") });
    expectTypeOf<RowOf<typeof schema.$fields>>().toEqualTypeOf<{
      readonly seconds: number | null;
      readonly micros: bigint | null;
      readonly day: number | null;
    }>();
  });
});
