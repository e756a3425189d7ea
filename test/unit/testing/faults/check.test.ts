import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Schema, types, valueState } from "../../../../src/index.ts";
import type { FaultInput, FaultJob } from "../../../../src/testing/faults/fault-check.ts";
import { FaultCheckError } from "../../../../src/testing/faults/fault-check-error.ts";
import { faults } from "../../../../src/testing/faults/faults.ts";
import { RealWorldError } from "../../../../src/testing/simulation-errors.ts";

const orders = Schema.of({ id: types.int64, customer: types.utf8 });
const order = fc.record({ id: fc.bigInt(0n, 99n), customer: fc.constantFrom("a", "b", "c") });
const inputs = { orders: { schema: orders, rows: fc.array(order, { maxLength: 10, size: "max" }) } };
type Inputs = typeof inputs;

const count = valueState("count", types.int64);
const counted = Schema.of({ customer: types.utf8, count: types.int64 });

/** The number of each customer's order so far: the same in any order of the rows. */
const counting =
  (write: "sink" | "files"): FaultJob<Inputs> =>
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
        { schema: counted },
      )
      .uid("counts");
    if (write === "sink") counts.addSink(outputs.sink("counts"), { uid: "sink" });
    else counts.writeToFiles("/out/counts", { format: "json", uid: "files", roll: { rows: 3 } });
  };

/** The same, though what it counts lives in a closure: no crash leaves it as it was. */
type RecordedInputs = { readonly orders: FaultInput<(typeof orders)["$fields"]> };

function forgetful(): FaultJob<RecordedInputs> {
  const counts = new Map<string | null, bigint>();
  return (environment, { orders }, outputs) => {
    counts.clear();
    environment
      .fromSource(orders)
      .map(
        ({ customer }) => {
          const next = (counts.get(customer) ?? 0n) + 1n;
          counts.set(customer, next);
          return { customer, count: next };
        },
        { schema: counted },
      )
      .addSink(outputs.sink("counts"), { uid: "sink" });
  };
}

async function errorOf(check: Promise<unknown>): Promise<unknown> {
  try {
    await check;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was found");
}

async function findingOf(check: Promise<unknown>): Promise<FaultCheckError> {
  const error = await errorOf(check);
  if (!(error instanceof FaultCheckError)) throw error;
  return error;
}

describe("faults.check", { timeout: 120_000 }, () => {
  it("finds nothing in a job that keeps everything in state, and tells what it has tried", async () => {
    const report = await faults.check(counting("sink"), { inputs, runs: 150 });
    expect(report.runs).toBeGreaterThanOrEqual(150);
    expect(report.restarts).toBeGreaterThan(30);
    expect(Object.keys(report.struck)).toEqual(expect.arrayContaining(["sink.commit", "source.read"]));
  });

  it("finds nothing in files, which are looked at after each attempt", async () => {
    const report = await faults.check(counting("files"), { inputs, runs: 80 });
    expect(report.restarts).toBeGreaterThan(10);
  });

  it("gives the same runs for the same seed", async () => {
    const [first, second] = [3, 3].map((seed) => faults.check(counting("sink"), { inputs, runs: 10, seed }));
    expect(await first).toEqual(await second);
  });

  it("finds a count that lives in a closure: the smallest input, what differs, a timeline and a replay", async () => {
    const error = await findingOf(faults.check(forgetful(), { inputs, runs: 200, faults: faults.crashes() }));
    expect(error.code).toBe("FAULT_CHECK_FAILED");
    expect(error.inputs.orders.length).toBeLessThanOrEqual(3);
    expect(error.differences[0]).toMatchObject({ output: "counts" });
    expect(error.timeline.join("\n")).toMatch(/START 1[\s\S]*<== (CRASH|KILL)[\s\S]*START 2[\s\S]*finished/);
    const again = await findingOf(faults.check(forgetful(), { inputs, replay: error.replay }));
    expect(again.differences).toEqual(error.differences);
    expect(again.timeline).toEqual(error.timeline);
    // The job that does it right passes the very same case.
    expect(await faults.check(counting("sink"), { inputs, replay: error.replay })).toMatchObject({ runs: 1 });
  });

  it("makes recorded rows few", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({ id: BigInt(i), customer: i % 7 === 0 ? "x" : `c${i}` }));
    const recorded = { orders: { schema: orders, rows } };
    const error = await findingOf(faults.check(forgetful(), { inputs: recorded, runs: 200, faults: faults.crashes() }));
    expect(error.inputs.orders.length).toBeLessThanOrEqual(3);
  });

  it("tells a job that differs by itself from one that faults break", async () => {
    const latest = valueState("latest", types.int64);
    const pairs: FaultJob<Inputs> = (environment, { orders }, outputs) => {
      environment
        .fromSource(orders)
        .keyBy("customer")
        .process(
          {
            // What came before depends on how two splits come together.
            processElement({ id }, { state }, out) {
              out.collect({ customer: `${state(latest).get()} before ${id}`, count: 1n });
              state(latest).set(id ?? 0n);
            },
          },
          { schema: counted },
        )
        .addSink(outputs.sink("pairs"), { uid: "sink" });
    };
    const error = await findingOf(faults.check(pairs, { inputs, runs: 100 }));
    expect(error.code).toBe("FAULT_CHECK_NOT_DETERMINISTIC");
    expect(error.message).toContain("No fault is needed");
  });

  it("names the place where a job asks the real clock or chance", async () => {
    const stamped: FaultJob<Inputs> = (environment, { orders }, outputs) => {
      environment
        .fromSource(orders)
        .map(({ customer }) => ({ customer, count: BigInt(Date.now()) }), { schema: counted })
        .addSink(outputs.sink("stamped"), { uid: "sink" });
    };
    const error = await errorOf(faults.check(stamped, { inputs, runs: 20 }));
    expect(error).toBeInstanceOf(RealWorldError);
    expect((error as Error).stack).toContain("check.test.ts");
  });

  it("holds outputs against an expectation of the user's own", async () => {
    const isComplete = (
      outputs: Readonly<Record<string, readonly object[]>>,
      given: Record<string, readonly object[]>,
    ) => {
      const rows = outputs.counts ?? [];
      if (rows.length !== given.orders.length) throw new Error(`${rows.length} rows of ${given.orders.length}`);
    };
    await faults.check(forgetful(), { inputs, runs: 50, expect: isComplete as never });
    const never = () => {
      throw new Error("as said");
    };
    const error = await findingOf(faults.check(counting("sink"), { inputs, runs: 50, expect: never }));
    expect(error.message).toContain("The expectation does not hold: as said");
  });

  it("throws what the job itself throws where nothing fails", async () => {
    const wrong: FaultJob<Inputs> = (environment, { orders }, outputs) => {
      environment
        .fromSource(orders)
        .keyBy("customre" as never)
        .process({ processElement: () => undefined }, { schema: counted })
        .addSink(outputs.sink("x"), { uid: "x" });
    };
    expect(await errorOf(faults.check(wrong, { inputs, runs: 5 }))).toMatchObject({ code: "COLUMN_UNKNOWN" });
  });

  it("refuses options that mean nothing", async () => {
    const job = counting("sink");
    const codeOf = async (options: object) =>
      ((await errorOf(faults.check(job, { inputs, runs: 1, ...options } as never))) as { code: string }).code;
    expect(await codeOf({ runs: 0 })).toBe("OPTION_INVALID");
    expect(await codeOf({ rusn: 1 })).toBe("OPTION_UNKNOWN");
    expect(await codeOf({ expect: "anything" })).toBe("OPTION_INVALID");
    expect(await codeOf({ inputs: { orders: { schema: orders } } })).toBe("OPTION_INVALID");
    expect(await codeOf({ inputs: { orders: { rows: [] } } })).toBe("OPTION_INVALID");
    expect(await codeOf({ faults: "all" })).toBe("OPTION_INVALID");
    expect(await codeOf({ replay: "{" })).toBe("REPLAY_INVALID");
    expect(await codeOf({ replay: '{"v":2}' })).toBe("REPLAY_INVALID");
    expect(() => faults.all({ rescale: [4, 1] })).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
    expect(() => faults.all({ crashes: 3 } as never)).toThrow(expect.objectContaining({ code: "OPTION_UNKNOWN" }));
  });
});
