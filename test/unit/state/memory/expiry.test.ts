import { describe, expect, it } from "vitest";
import { KeyedProcess } from "../../../../src/core/operators/keyed-process.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { type StateTtl, valueState } from "../../../../src/core/state/descriptors.ts";
import { START_OF_TIME_MS } from "../../../../src/core/time/time.ts";
import { int32 } from "../../../../src/core/types.ts";
import { Expiry } from "../../../../src/state/memory/expiry.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StreamOperator } from "../../../support/stream-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const CLOCK = { processingTimeMs: () => 1, eventTimeMs: () => 2, watermarkMs: () => 3 };
const TTL = { ttlMs: 10, timeDomain: "event" } as const;

describe("what has a time to live of 10 ms", () => {
  const expiry = new Expiry(TTL, CLOCK);

  it("is there until 10 ms have passed, and not at the tenth", () => {
    expect([5, 14, 15, 16].map((nowMs) => expiry.isVisible(5, nowMs))).toEqual([true, true, false, false]);
    expect([5, 14, 15, 16].map((untilMs) => expiry.isFreeable(5, untilMs))).toEqual([false, false, true, true]);
  });

  it("is freed by the watermark in event time, and not before there is one", () => {
    expect([expiry.nowMs(), expiry.freeableMs()]).toEqual([2, 3]);
    const byClock = new Expiry({ ttlMs: 10 }, CLOCK);
    expect([byClock.nowMs(), byClock.freeableMs()]).toEqual([1, 1]);
    expect(expiry.isFreeable(START_OF_TIME_MS - 20, START_OF_TIME_MS)).toBe(false);
  });

  it("never expires where nobody knows when it was renewed", () => {
    expect(expiry.isVisible(Number.NaN, 1e15)).toBe(true);
    expect(expiry.isFreeable(Number.NaN, 1e15)).toBe(false);
  });

  it("gets no older by rows that come late", () => {
    expect(expiry.renewed(7, 5)).toBe(7);
    expect(expiry.renewed(5, 7)).toBe(7);
    // The clock may be put back.
    expect(new Expiry({ ttlMs: 10 }, CLOCK).renewed(7, 5)).toBe(5);
  });
});

describe("state that has expired", () => {
  /** What a row at 0 ms has put there, for rows at these times; the watermark comes before the last of them. */
  function seen(visibility: NonNullable<StateTtl["visibility"]>): unknown[] {
    const found: unknown[] = [];
    withWorkspace((ws) => {
      const state = valueState("n", int32, { ttl: { ...TTL, visibility } });
      const schema = Schema.of({ key: int32, n: int32 });
      const create = () =>
        new KeyedProcess(
          {
            processElement({ n }, { state: of }) {
              found.push(of(state).get());
              if (n !== null) of(state).set(n as number);
            },
          },
          schema,
          ["key"],
          { shape: { schema }, site: { name: "process" }, state: memoryState },
        );
      const operator = new StreamOperator(ws, create);
      const send = (n: number | null, timeMs: number) =>
        operator.send(schema, [{ row: { key: 1, n }, timeMs }], { keys: ["key"] });
      send(7, 0);
      send(null, 9);
      send(null, 10);
      send(null, 50);
      operator.watermark(60);
      send(null, 61);
      send(null, 62);
      operator.close();
    });
    return found;
  }

  it("is hidden at once by default, and seen until it is freed where that is asked for", () => {
    expect(seen("never-expired")).toEqual([null, 7, null, null, null, null]);
    expect(seen("until-cleanup").slice(0, 4)).toEqual([null, 7, 7, 7]);
    expect(seen("until-cleanup").at(-1)).toBe(null);
  });
});
