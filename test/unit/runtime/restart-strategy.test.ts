import { describe, expect, it } from "vitest";
import type { Random } from "../../../src/core/host.ts";
import { restartStrategies } from "../../../src/index.ts";
import { type FailedAttempt, RestartBackoff } from "../../../src/runtime/restart-strategy.ts";

const chance = (share: number): Random => ({ nextUint32: () => share * 2 ** 32 });
const backoff = ({ spec }: ReturnType<typeof restartStrategies.none>, share = 0) =>
  new RestartBackoff(spec, chance(share));

/** An attempt that failed after so long. */
const failed = (ranMs: number, hasNewCheckpoint = false, atMs = 1e6): FailedAttempt => ({
  startedMs: atMs - ranMs,
  failedMs: atMs,
  hasNewCheckpoint,
});
const times = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));

describe("restart strategies", () => {
  it("none: never", () => {
    expect(backoff(restartStrategies.none()).delayAfter(failed(1))).toBeUndefined();
  });

  it("fixed delay: so many times in a row without a new checkpoint", () => {
    const strategy = backoff(restartStrategies.fixedDelay({ attempts: 2, delayMs: 30 }));
    expect(times(3, () => strategy.delayAfter(failed(1)))).toEqual([30, 30, undefined]);
    const going = backoff(restartStrategies.fixedDelay({ attempts: 2, delayMs: 30 }));
    expect(times(9, (i) => going.delayAfter(failed(1, i % 2 === 0)))).toEqual(times(9, () => 30));
    const endless = backoff(restartStrategies.fixedDelay({ attempts: Number.POSITIVE_INFINITY, delayMs: 0 }));
    expect(times(1000, () => endless.delayAfter(failed(1))).every((delayMs) => delayMs === 0)).toBe(true);
  });

  it("exponential delay: longer and longer up to the longest, and anew behind an attempt that ran for long", () => {
    const strategy = backoff(
      restartStrategies.exponentialDelay({
        initialDelayMs: 10,
        maxDelayMs: 50,
        multiplier: 2,
        jitter: 0,
        resetAfterMs: 99,
        attempts: 5,
      }),
    );
    expect(times(4, () => strategy.delayAfter(failed(98)))).toEqual([10, 20, 40, 50]);
    expect(times(6, (i) => strategy.delayAfter(failed(i === 0 ? 99 : 98)))).toEqual([10, 20, 40, 50, 50, undefined]);
  });

  it("exponential delay: a new checkpoint gives new attempts, and the delay stays", () => {
    const strategy = backoff(
      restartStrategies.exponentialDelay({ initialDelayMs: 10, maxDelayMs: 80, jitter: 0, attempts: 2 }),
    );
    expect(times(2, () => strategy.delayAfter(failed(1)))).toEqual([10, 20]);
    expect(strategy.delayAfter(failed(1, true))).toBe(40);
    expect(times(2, () => strategy.delayAfter(failed(1)))).toEqual([80, undefined]);
  });

  it("exponential delay: 1 s to 60 s and ten attempts by default, shortened by chance up to a tenth", () => {
    const delays = (share: number) => {
      const strategy = backoff(restartStrategies.exponentialDelay(), share);
      return times(11, () => strategy.delayAfter(failed(1)));
    };
    const longest = [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000];
    expect(delays(0)).toEqual([...longest, undefined]);
    expect(delays(0.5)).toEqual([...longest.map((delayMs) => delayMs * 0.95), undefined]);
  });

  it("failure rate: any number, but not too many in a time", () => {
    const strategy = backoff(restartStrategies.failureRate({ failures: 2, perMs: 100, delayMs: 5 }));
    const at = (...moments: number[]) => moments.map((atMs) => strategy.delayAfter(failed(1, false, atMs)));
    expect(at(0, 50, 100, 150, 250, 251, 400)).toEqual([5, 5, 5, 5, 5, 5, 5]);
    expect(at(450, 499)).toEqual([5, undefined]);
  });

  it.each([
    ["attempts", () => restartStrategies.fixedDelay({ attempts: 0, delayMs: 1 })],
    ["attempts", () => restartStrategies.fixedDelay({ delayMs: 1 } as never)],
    ["delayMs", () => restartStrategies.fixedDelay({ attempts: 1, delayMs: -1 })],
    ["fixedDelay", () => restartStrategies.fixedDelay(undefined as never)],
    ["maxDelayMs", () => restartStrategies.exponentialDelay({ initialDelayMs: 10, maxDelayMs: 9 })],
    ["multiplier", () => restartStrategies.exponentialDelay({ multiplier: 0.5 })],
    ["jitter", () => restartStrategies.exponentialDelay({ jitter: 1.5 })],
    ["jitter", () => restartStrategies.exponentialDelay({ jitter: "0.1" as never })],
    ["resetAfterMs", () => restartStrategies.exponentialDelay({ resetAfterMs: 0 })],
    ["failures", () => restartStrategies.failureRate({ failures: 0, perMs: 1, delayMs: 1 })],
    ["perMs", () => restartStrategies.failureRate({ failures: 1, perMs: 0, delayMs: 1 })],
  ])("refuse what cannot be meant by %s", (name, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringContaining(name) }));
  });

  it("refuse options that there are not", () => {
    const misspelt = { attempts: 1, delay: 5 } as never;
    expect(() => restartStrategies.fixedDelay(misspelt)).toThrow(expect.objectContaining({ code: "OPTION_UNKNOWN" }));
  });
});
