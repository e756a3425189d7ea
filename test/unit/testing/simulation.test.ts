import { describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import { Simulation } from "../../../src/testing/simulation.ts";

const YEAR_MS = 365 * 86_400_000;

const sleep = (host: Host, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    host.scheduler.after(delayMs, resolve);
  });

/** Some threads of work that get into each other's way. */
async function interleave(host: Host, log: string[]): Promise<void> {
  const worker = async (name: string) => {
    for (let i = 0; i < 4; i++) {
      await host.scheduler.yield();
      log.push(`${name}${i}`);
      await sleep(host, (host.random.nextUint32() % 3) * 10);
    }
  };
  await Promise.all(["a", "b", "c"].map(worker));
}

describe("virtual time", () => {
  it("passes a year at once", async () => {
    const simulation = new Simulation({ startMs: 5 });
    const before = performance.now();
    await simulation.run((host) => sleep(host, YEAR_MS));
    expect(performance.now() - before).toBeLessThan(1000);
    expect(simulation.elapsedMs).toBe(YEAR_MS);
    expect(simulation.host.clock.nowMs()).toBe(YEAR_MS + 5);
  });

  it("fires timers in the order of their due times, whatever the tape says", async () => {
    const simulation = new Simulation({ seed: 7 });
    const fired: number[] = [];
    await simulation.run(async (host) => {
      const delays = [30, 10, 20, 5, 40, 25];
      await Promise.all(delays.map((delayMs) => sleep(host, delayMs).then(() => fired.push(host.clock.nowMs()))));
    });
    expect(fired.map((at) => at - Date.UTC(2020, 0, 1))).toEqual([5, 10, 20, 25, 30, 40]);
  });

  it("stands still while anything is ready", async () => {
    const simulation = new Simulation({ tape: [] });
    let hasFired = false;
    await simulation.run(async (host) => {
      host.scheduler.after(1, () => {
        hasFired = true;
      });
      for (let i = 0; i < 100; i++) await host.scheduler.yield();
    });
    expect(hasFired).toBe(false);
    expect(simulation.elapsedMs).toBe(0);
  });

  it("calls no timer that was cancelled, also where it was due already", async () => {
    const simulation = new Simulation({ tape: [] });
    const fired: string[] = [];
    const { scheduler } = simulation.host;
    const cancelEarly = scheduler.after(10, () => fired.push("early"));
    scheduler.after(20, () => cancelLate());
    const cancelLate = scheduler.after(20, () => fired.push("late"));
    cancelEarly();
    cancelEarly();
    await simulation.advance(100);
    cancelLate();
    expect(fired).toEqual([]);
    expect(simulation.elapsedMs).toBe(100);
  });

  it("advances by so much, to an hour, or not at all", async () => {
    const simulation = new Simulation({ startMs: 1000 });
    const fired: number[] = [];
    const { scheduler, clock } = simulation.host;
    const tick = () => {
      fired.push(clock.nowMs());
      scheduler.after(100, tick);
    };
    scheduler.after(0, tick);
    await simulation.runUntilIdle();
    expect(fired).toEqual([1000]);
    await simulation.advance(250);
    expect(fired).toEqual([1000, 1100, 1200]);
    expect(clock.nowMs()).toBe(1250);
    await simulation.advanceTo(1500);
    expect(fired.at(-1)).toBe(1500);
    await simulation.advanceTo(1400);
    expect(clock.nowMs()).toBe(1500);
  });

  it("lets the wall clock jump, and keeps timers and monotonic time on their way", async () => {
    const simulation = new Simulation({ startMs: 1_000_000 });
    const { scheduler, clock } = simulation.host;
    const before = clock.monotonicMs();
    let firedAtMs = 0;
    scheduler.after(100, () => {
      firedAtMs = clock.nowMs();
    });
    simulation.jumpClock(-500_000);
    expect(clock.nowMs()).toBe(500_000);
    await simulation.advance(100);
    expect(firedAtMs).toBe(500_100);
    expect(clock.monotonicMs() - before).toBeGreaterThanOrEqual(100);
    expect(clock.monotonicMs() - before).toBeLessThan(101);
  });

  it("ends a loop that works until some monotonic time has passed", () => {
    const { clock } = new Simulation().host;
    const startMs = clock.monotonicMs();
    let rounds = 0;
    while (clock.monotonicMs() - startMs < 8) rounds++;
    expect(rounds).toBe(8 * 1024 - 1);
  });
});

describe("the schedule", () => {
  const runOf = async (options: ConstructorParameters<typeof Simulation>[0]) => {
    const simulation = new Simulation(options);
    const log: string[] = [];
    await simulation.run((host) => interleave(host, log));
    return { log: log.join(" "), hash: simulation.traceHash, decisions: simulation.decisions };
  };

  it("runs the oldest first where the tape is empty", async () => {
    const { log } = await runOf({ tape: [] });
    expect(log.startsWith("a0 b0 c0")).toBe(true);
  });

  it("follows the tape, and repeats itself with it", async () => {
    const logs = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const first = await runOf({ seed });
      expect(await runOf({ seed })).toEqual(first);
      const replayed = await runOf({ seed, tape: first.decisions });
      expect(replayed).toEqual(first);
      logs.add(first.log);
    }
    expect(logs.size).toBeGreaterThan(10);
  });

  it("lets what is starved wait for everything else", async () => {
    const simulation = new Simulation({ seed: 3, starve: ["main/timer"] });
    const order: string[] = [];
    simulation.host.scheduler.after(0, () => order.push("timer"));
    await simulation.advance(0);
    simulation.host.scheduler.after(0, () => order.push("timer"));
    await simulation.run(async (host) => {
      for (let i = 0; i < 3; i++) {
        await host.scheduler.yield();
        order.push("yield");
      }
      await sleep(host, 1);
    });
    expect(order).toEqual(["timer", "yield", "yield", "yield", "timer"]);
  });
});

describe("a run", () => {
  it("gives the result, and throws what the work throws", async () => {
    const simulation = new Simulation();
    expect(await simulation.run(Promise.resolve(3))).toBe(3);
    const failure = new Error("no");
    await expect(simulation.run(() => Promise.reject(failure))).rejects.toBe(failure);
    await expect(
      simulation.run(async (host) => {
        host.scheduler.after(1, () => {
          throw failure;
        });
        await sleep(host, 2);
      }),
    ).rejects.toBe(failure);
  });

  it("says when nothing can happen any more", async () => {
    const simulation = new Simulation();
    await expect(simulation.run(() => new Promise(() => undefined))).rejects.toMatchObject({
      code: "SIMULATION_DEADLOCK",
    });
  });

  it("says when it does not come to an end", async () => {
    const simulation = new Simulation({ stepLimit: 50 });
    const forever = async (host: Host) => {
      for (;;) await host.scheduler.yield();
    };
    await expect(simulation.run(forever)).rejects.toMatchObject({ code: "SIMULATION_LIVELOCK" });
    expect(simulation.steps).toBe(50);
  });

  it("waits for the outside world without letting time pass", async () => {
    const simulation = new Simulation({ trap: false });
    const given = await simulation.run(async (host) => {
      host.scheduler.after(1000, () => undefined);
      const answer = await simulation.outside(() => new Promise((resolve) => setTimeout(() => resolve("there"), 20)));
      return [answer, simulation.elapsedMs];
    });
    expect(given).toEqual(["there", 0]);
  });

  it("is driven by one at a time", async () => {
    const simulation = new Simulation();
    const first = simulation.advance(1);
    await expect(simulation.advance(1)).rejects.toMatchObject({ code: "SIMULATION_BUSY" });
    await first;
  });
});
