import { afterAll, beforeAll } from "vitest";
import { loadEngine } from "../../src/testing/engine-thread.ts";
import { beginSharedWork } from "../../src/testing/faults/shared-work.ts";

/** For a test file with thousands of simulated runs: they share what `faults.check` shares between its runs. */
export function shareSimulatedWork(): void {
  let end: () => void = () => undefined;
  beforeAll(async () => {
    await loadEngine();
    end = beginSharedWork();
  });
  afterAll(() => end());
}
