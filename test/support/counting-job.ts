import fc from "fast-check";
import { Schema, types, valueState } from "../../src/index.ts";
import type { FaultJob } from "../../src/testing/faults/fault-check.ts";

const orders = Schema.of({ id: types.int64, customer: types.utf8 });
const order = fc.record({ id: fc.bigInt(0n, 99n), customer: fc.constantFrom("a", "b", "c", null) });
const count = valueState("count", types.int64);

const upTo = (maxLength: number) => ({ orders: { schema: orders, rows: fc.array(order, { maxLength, size: "max" }) } });

export const countingInputs = upTo(14);
/** For many runs in little time: most have a few hundred simulated events or less. */
export const fewOrders = upTo(4);

/** For checks of faults: a count per key, behind an exchange, into a system with transactions or into files. */
export const counting =
  (into: "sink" | "files"): FaultJob<typeof countingInputs> =>
  (environment, { orders }, outputs) => {
    const counts = environment
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
      .uid("counts");
    if (into === "sink") counts.addSink(outputs.sink("counts"), { uid: "sink" });
    else counts.writeToFiles("/out/counts", { format: "json", uid: "files", roll: { rows: 3 } });
  };
