import { checkFaults } from "./fault-check.ts";
import { faultKinds } from "./fault-model.ts";

/**
 * Proves that a job is exactly-once, or shows by the smallest example that it is not: runs it on simulated machines that
 * crash, with disks that lose and sinks that do not answer.
 * @example await faults.check(job, { inputs: { orders: { schema, rows: fc.array(order) } }, faults: faults.all() });
 */
export const faults = { check: checkFaults, ...faultKinds };
