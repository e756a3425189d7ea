import { expect, it } from "vitest";
import { nodeHost } from "../../../src/host/node-host.ts";
import { installTrap, takeViolation } from "../../../src/testing/real-world-trap.ts";
import { collectGarbageUntil } from "../../support/collect-garbage.ts";

it("lets the real host clean up behind what was collected meanwhile", async () => {
  const { setTimeout: realTimeout } = globalThis;
  const outcomes: unknown[] = [];
  let target: object | undefined = {};
  nodeHost().whenCollected(target, () => {
    const uninstall = installTrap();
    try {
      clearTimeout(setTimeout(() => undefined, 1));
      // What it starts has no such excuse.
      queueMicrotask(() => {
        try {
          setTimeout(() => undefined, 1);
        } catch (error) {
          outcomes.push(error);
        } finally {
          uninstall();
        }
      });
      outcomes.push("cleaned up");
    } catch (error) {
      outcomes.push(error);
    }
  });
  target = undefined;
  await collectGarbageUntil(() => outcomes.length === 2);
  expect(outcomes).toEqual(["cleaned up", expect.objectContaining({ code: "SIMULATION_REAL_WORLD" })]);
  expect(takeViolation()).toBeDefined();
  expect(globalThis.setTimeout).toBe(realTimeout);
});
