import { expect, it } from "vitest";
import { describeValue } from "../../../src/core/describe-value.ts";

class Point {
  toString(): string {
    throw new Error("a message must not call it");
  }
}

it.each<[unknown, string]>([
  ["text", '"text"'],
  ["x".repeat(61), `"${"x".repeat(60)}…"`],
  [5, "5"],
  [-0, "-0"],
  [5n, "5n"],
  [true, "true"],
  [undefined, "undefined"],
  [null, "null"],
  [Symbol("s"), "Symbol(s)"],
  [() => 1, "a function"],
  [Point, "a function"],
  [["a"], "an array"],
  [new Date(0), "the Date 1970-01-01T00:00:00.000Z"],
  [new Date(Number.NaN), "an invalid Date"],
  [{ a: 1 }, "an object"],
  [Object.create(null), "an object"],
  [Object.create({ constructor: undefined }), "an object"],
  [new Point(), "an object of the class Point"],
  [Promise.resolve(1), "an object of the class Promise"],
])("names %#", (value, text) => {
  expect(describeValue(value)).toBe(text);
});
