import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { loadEngine } from "../../../src/testing/engine-thread.ts";
import { faultKinds } from "../../../src/testing/faults/fault-model.ts";
import { withSharedWork } from "../../../src/testing/faults/shared-work.ts";
import { anyFaultedProgram, checkProgram } from "../../support/faulted-programs.ts";
import { FAULTED_RUNS } from "../../support/faulted-runs.ts";

beforeAll(loadEngine);

const RUNS = FAULTED_RUNS.randomPrograms;

it("random programs give exactly what they give undisturbed, at every step, whatever crashes and fails", async () => {
  let restarts = 0;
  await withSharedWork(() =>
    fc.assert(
      fc.asyncProperty(anyFaultedProgram(faultKinds.all()), ([program, schedule]) =>
        checkProgram(program, schedule, ({ attempts }) => {
          restarts += attempts.length - 1;
        }),
      ),
      { numRuns: RUNS },
    ),
  );
  expect(restarts).toBeGreaterThan(RUNS / 20);
}, 3_600_000);
