import { expect, it } from "vitest";
import { nodeHost } from "../../../src/host/node-host.ts";
import { collectGarbageUntil } from "../../support/collect-garbage.ts";

it("calls back once nothing refers to an object any more, and not before", async () => {
  const called: string[] = [];
  const held = { name: "held" };
  nodeHost().whenCollected(held, () => called.push("held"));
  nodeHost().whenCollected({ name: "dropped" }, () => called.push("dropped"));
  await collectGarbageUntil(() => called.length > 0);
  expect(called).toEqual(["dropped"]);
  expect(held.name).toBe("held");
});
