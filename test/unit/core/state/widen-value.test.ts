import { expect, it } from "vitest";
import { wideningOf } from "../../../../src/core/state/widen-value.ts";
import { int32, int64, list, struct } from "../../../../src/core/types.ts";

it("makes wider fields of structs, also within lists", () => {
  const widen = wideningOf(list(struct({ a: int32 })), list(struct({ b: int64, c: int32 })), "it", { a: "b" });
  expect(widen?.([{ a: 1 }, { a: null }, null])).toEqual([{ b: 1n, c: null }, { b: null, c: null }, null]);
});

it.each([
  ["the first", struct({ a: int32, b: int32 })],
  ["the last", struct({ b: int32, a: int32 })],
])("does not choose where a field gets a name that another has, which is %s", (_, from) => {
  const widen = () => wideningOf(from, struct({ b: int32 }), "The state", { a: "b" });
  expect(widen).toThrow(
    expect.objectContaining({ code: "STATE_INCOMPATIBLE", message: expect.stringContaining('"b" twice') }),
  );
});
