/** How many jobs `faults.check` runs on simulated machines that fail, in a second of processor time. */
import fc from "fast-check";
import { Schema, types, valueState } from "../../dist/index.js";
import { type FaultJob, faults } from "../../dist/testing.js";
import { median } from "../harness/outcome.ts";
import type { Finding, StreamingOptions } from "./main.ts";

const BAR = 500;
/** Of a run that counts as one. */
const EVENTS = 100;
const RUNS = 500;

const order = fc.record({ id: fc.bigInt(0n, 99n), customer: fc.constantFrom("a", "b", "c", null) });
const inputs = {
  orders: {
    schema: Schema.of({ id: types.int64, customer: types.utf8 }),
    rows: fc.array(order, { maxLength: 14, size: "max" }),
  },
};
const count = valueState("count", types.int64);

/** The job of test/property/faults: a count per key, behind an exchange, into a system with transactions. */
const counting: FaultJob<typeof inputs> = (environment, { orders }, outputs) => {
  environment
    .fromSource(orders)
    .uid("orders")
    .keyBy("customer")
    .process(
      {
        processElement({ customer }, { state }, out) {
          const next = (state(count).get() ?? 0n) + 1n;
          state(count).set(next);
          out.collect({ customer, count: next });
        },
      },
      { schema: Schema.of({ customer: types.utf8, count: types.int64 }) },
    )
    .uid("counts")
    .addSink(outputs.sink("counts"), { uid: "sink" });
};

async function measure(runs: number, seed: number) {
  const start = process.cpuUsage();
  const report = await faults.check(counting, {
    inputs,
    faults: [faults.crashes(3), faults.rescale(1, 4)],
    runs,
    seed,
  });
  const { user, system } = process.cpuUsage(start);
  return { ...report, seconds: (user + system) / 1e6 };
}

export async function faulted({ rounds }: StreamingOptions): Promise<Finding[]> {
  await measure(RUNS / 4, 1);
  const rates: number[] = [];
  let eventsPerRun = 0;
  for (let round = 0; round < rounds; round++) {
    const { runs, events, restartedRuns, seconds } = await measure(RUNS, 2 + round);
    if (runs !== RUNS || restartedRuns < runs / 5) throw new Error(`${restartedRuns} of ${runs} runs were restarted`);
    rates.push(events / EVENTS / seconds);
    eventsPerRun = events / runs;
  }
  const rate = median(rates);
  const text = `${Math.round(rate)} faulted runs of ${EVENTS} events per second of processor time (runs have ${eventsPerRun.toFixed(0)})`;
  return [{ text, isMet: rate >= BAR }];
}
