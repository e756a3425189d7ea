import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainText, plainValue } from "../../../../src/core/state/plain-text.ts";

const anyLeaf = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    Number.NaN,
    -0,
    0,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    "",
    "array",
    "\ud800",
  ),
  fc.double(),
  fc.bigInt(),
  fc.string(),
  fc.boolean(),
  fc.date(),
  fc.uint8Array(),
);
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    anyLeaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor")), tie("value"), { maxKeys: 4 }),
    fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(anyLeaf, { maxLength: 4 }).map((values) => new Set(values)),
  ),
})).value;

describe("plain values as text", () => {
  it("come back as they were", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(plainValue(plainText(value, "x"))).toEqual(value);
      }),
    );
  });

  it("refuse what has no text", () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    for (const value of [() => 1, Symbol("x"), new (class Point {})(), circular]) {
      expect(() => plainText({ value }, "x")).toThrow(expect.objectContaining({ code: "STATE_VALUE_UNSUPPORTED" }));
    }
  });
});
