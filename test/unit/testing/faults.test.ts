import { describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import { Simulation } from "../../../src/testing/simulation.ts";

/** Work in rounds that names its moments. */
const rounds = (host: Host, done: number[]) => async (): Promise<void> => {
  for (let round = 0; round < 5; round++) {
    await host.scheduler.yield();
    host.crashPoint?.("round.begin");
    done.push(round);
    host.crashPoint?.("round.end");
  }
};

describe("crash points", () => {
  it("are counted, and do nothing where no fault is", async () => {
    const simulation = new Simulation();
    const done: number[] = [];
    await simulation.run(rounds(simulation.host, done));
    expect(done).toEqual([0, 1, 2, 3, 4]);
    expect(Object.fromEntries(simulation.hits)).toEqual({ "round.begin": 5, "round.end": 5 });
  });

  it("take the machine down at the nth time, for good", async () => {
    for (const kind of ["crash", "kill"] as const) {
      const simulation = new Simulation({ faults: [{ label: "round.begin", nth: 2, kind }] });
      const done: number[] = [];
      const old = simulation.host;
      await expect(simulation.run(rounds(old, done))).rejects.toMatchObject({
        code: "SIMULATED_CRASH",
        label: "round.begin",
      });
      expect(done).toEqual([0, 1]);
      expect(simulation.host).not.toBe(old);
      // What still hangs on to the old host never goes on.
      let hasRun = false;
      old.scheduler.after(1, () => {
        hasRun = true;
      });
      void old.scheduler.yield().then(() => {
        hasRun = true;
      });
      await simulation.advance(1000);
      expect(hasRun).toBe(false);
      expect(old.processes.token).not.toBe(simulation.host.processes.token);
      expect(simulation.host.processes.isDead(old.processes.token)).toBe(true);
      await simulation.run(rounds(simulation.host, done));
      expect(done).toEqual([0, 1, 0, 1, 2, 3, 4]);
    }
  });

  it("fail with an error that can be caught", async () => {
    const simulation = new Simulation({ faults: [{ label: "round.end", nth: 0, kind: "io-error" }] });
    await expect(simulation.run(rounds(simulation.host, []))).rejects.toMatchObject({ code: "FILE_IO" });
  });

  it("may be planned while the machine runs", async () => {
    const simulation = new Simulation();
    const done: number[] = [];
    await simulation.run(rounds(simulation.host, done));
    simulation.addFault({ label: "round.end", nth: 0, kind: "crash" });
    await expect(simulation.run(rounds(simulation.host, done))).rejects.toMatchObject({ code: "SIMULATED_CRASH" });
    expect(done).toEqual([0, 1, 2, 3, 4, 0]);
  });

  it("strike one at a time where several are due", async () => {
    const fault = { label: "round.end", nth: 1, kind: "io-error" } as const;
    const simulation = new Simulation({ faults: [fault, fault] });
    await expect(simulation.run(rounds(simulation.host, []))).rejects.toMatchObject({ code: "FILE_IO" });
    await expect(simulation.run(rounds(simulation.host, []))).rejects.toMatchObject({ code: "FILE_IO" });
    await simulation.run(rounds(simulation.host, []));
    expect(simulation.struck).toEqual([fault, fault]);
  });
});

describe("the trap", () => {
  const uses: Readonly<Record<string, () => unknown>> = {
    "Date.now": () => Date.now(),
    "Math.random": () => Math.random(),
    "performance.now": () => performance.now(),
    "crypto.randomUUID": () => crypto.randomUUID(),
    setTimeout: () => setTimeout(() => undefined, 1),
    setImmediate: () => setImmediate(() => undefined),
  };

  it.each(Object.entries(uses))("springs where simulated code uses %s, also in a promise", async (name, use) => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "setTimeout");
    const failure = { code: "SIMULATION_REAL_WORLD", message: expect.stringContaining(`${name} was used`) };
    await expect(new Simulation().run(async () => use())).rejects.toMatchObject(failure);
    await expect(
      new Simulation().run(async ({ scheduler }) => {
        await scheduler.yield();
        use();
      }),
    ).rejects.toMatchObject({ ...failure, stack: expect.stringContaining("faults.test.ts") });
    expect(Object.getOwnPropertyDescriptor(globalThis, "setTimeout")).toEqual(before);
    expect(use).not.toThrow();
  });

  it("is not fooled by code that catches the error", async () => {
    const cautious = async (): Promise<number> => {
      try {
        return Date.now();
      } catch {
        return 0;
      }
    };
    await expect(new Simulation().run(cautious)).rejects.toMatchObject({ code: "SIMULATION_REAL_WORLD" });
    expect(await new Simulation({ trap: false }).run(cautious)).toBeGreaterThan(0);
  });
});
