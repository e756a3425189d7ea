import { describe, expect, it } from "vitest";
import { heapBytes, sampledBytes } from "../../../../src/core/state/heap-size.ts";

describe("the estimate of what values take in the heap", () => {
  it("grows with texts, collections and bytes", () => {
    expect(heapBytes("x".repeat(1000)) - heapBytes("")).toBe(1000);
    expect(heapBytes(new Uint8Array(500))).toBeGreaterThanOrEqual(500);
    for (const make of [
      (n: number) => Array.from({ length: n }, (_, i) => i),
      (n: number) => new Set(Array.from({ length: n }, (_, i) => i)),
      (n: number) => new Map(Array.from({ length: n }, (_, i) => [`${i}`.padStart(5), BigInt(i)])),
    ]) {
      const [hundred, tenThousand] = [heapBytes(make(100)), heapBytes(make(10_000))];
      expect(tenThousand / hundred).toBeGreaterThan(90);
      expect(tenThousand / hundred).toBeLessThan(110);
    }
  });

  it("is within a factor of two of what V8 takes for rows", () => {
    const rows = () => Array.from({ length: 20_000 }, (_, i) => ({ id: i + 0.5, name: `row ${i}`, at: new Date(i) }));
    const collect = (globalThis as { gc?: () => void }).gc;
    if (collect === undefined) {
      expect(heapBytes(rows()) / 20_000).toBeGreaterThan(80);
      return;
    }
    collect();
    const before = process.memoryUsage().heapUsed;
    const kept = rows();
    collect();
    const real = process.memoryUsage().heapUsed - before;
    expect(heapBytes(kept) / real).toBeGreaterThan(0.5);
    expect(heapBytes(kept) / real).toBeLessThan(2);
  });

  it("ends with values that refer to themselves, and looks at few of many", () => {
    const circle: { next?: unknown } = {};
    circle.next = circle;
    expect(heapBytes(circle)).toBeGreaterThan(0);
    let looked = 0;
    const many = function* () {
      for (;;) yield ++looked;
    };
    expect(sampledBytes(many(), 1_000_000, () => 10)).toBe(10_000_000);
    expect(looked).toBeLessThan(100);
    expect(sampledBytes([], 0, () => 10)).toBe(0);
  });

  it("takes every kind of plain value", () => {
    for (const value of [null, undefined, true, 1, 1n, "a", new Date(0), [], {}, new Map(), new Set(), () => 1]) {
      expect(heapBytes(value)).toBeGreaterThanOrEqual(0);
    }
  });
});
