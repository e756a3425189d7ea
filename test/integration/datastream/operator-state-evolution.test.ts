import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/core/host.ts";
import type { StatefulRuntimeContext } from "../../../src/core/process/contexts.ts";
import type { ListStateDescriptor, MapStateDescriptor } from "../../../src/core/state/descriptors.ts";
import {
  col,
  type ExecuteOptions,
  listState,
  mapState,
  Schema,
  StreamExecutionEnvironment,
  types,
} from "../../../src/index.ts";
import { loadEngine, Simulation } from "../../../src/testing.ts";

beforeAll(loadEngine);

const output = Schema.of({ text: types.utf8 });
const plain = (value: unknown): string =>
  JSON.stringify(value, (_, each) =>
    typeof each === "bigint" ? Number(each) : each instanceof Map ? [...each] : each,
  );

interface Run extends ExecuteOptions {
  readonly parallelism?: number;
  readonly stops?: boolean;
}

type Build = (env: StreamExecutionEnvironment, tell: (text: string) => void) => void;

/** Runs a program, to a savepoint or to its end, and gives what it tells. */
async function run(host: Host, build: Build, { parallelism = 2, stops = false, ...options }: Run = {}) {
  const env = StreamExecutionEnvironment.create({ host, parallelism, maxParallelism: 16, bufferTimeoutMs: 1 });
  const told: string[] = [];
  build(env, (text) => void told.push(text));
  const job = await env.executeAsync(options);
  if (stops) {
    await new Promise<void>((resolve) => void host.scheduler.after(300, resolve));
    await job.stopWithSavepoint("/save");
  }
  await job.result();
  return told;
}

const numbers = (env: StreamExecutionEnvironment, uid: string) =>
  env.fromGenerator({ n: col("n") }, { count: 60, rowsPerSecond: 100 }).uid(uid);

/** What a program has of the state of another one that was stopped. */
const goesOn = (before: Build, after: Build, options: Run = {}) =>
  new Simulation({ seed: 3, parallelism: 4 }).run(async (host) => {
    await run(host, before, { stops: true });
    return run(host, after, { restoreFrom: "/save", ...options });
  });

/** A function that tells what its list is when it begins, and then adds what `value` makes of each row. */
const lists =
  (
    descriptor: ListStateDescriptor,
    kind: "operatorListState" | "unionListState",
    value: (n: bigint) => unknown,
  ): Build =>
  (env, tell) => {
    const made = () => {
      let list: { get(): unknown[]; add(value: unknown): void };
      return {
        open(context: StatefulRuntimeContext): void {
          list = context[kind](descriptor) as never;
          for (const each of list.get()) tell(plain(each));
        },
        processElement({ n }: { readonly n: bigint | null }): void {
          list.add(value(n ?? 0n));
        },
      };
    };
    numbers(env, "numbers")
      .process(made() as never, { schema: output })
      .uid("lists")
      .forEach(() => {});
  };

const seen = types.struct({ n: types.int32, gone: types.utf8 });
const seenNow = types.struct({ more: types.utf8, number: types.int64 });
const before = lists(listState("seen", seen), "operatorListState", (n) => ({ n: Number(n), gone: "x" }));

describe("lists of an operator", () => {
  it("have fields that are new, gone, wider and renamed, and a new name", async () => {
    const after = lists(listState("known", seenNow), "operatorListState", (n) => ({ more: "", number: n }));
    const renamedState = { lists: { seen: "known", n: "number" } };
    for (const parallelism of [1, 3]) {
      const told = await goesOn(before, after, { renamedState, parallelism });
      expect(told.length).toBeGreaterThan(20);
      expect(told.sort()).toEqual(told.map((_, n) => `{"more":null,"number":${n}}`).sort());
    }
  });

  it("that each subtask gets whole are wider in each", async () => {
    const narrow = lists(listState("seen", types.int32), "unionListState", Number);
    const wide = lists(listState("seen", types.float64), "unionListState", Number);
    const told = await goesOn(narrow, wide, { parallelism: 1 });
    expect(told.map(Number).sort((a, b) => a - b)).toEqual(told.map((_, n) => n));
  });

  it.each([
    [
      "narrower",
      lists(listState("seen", types.struct({ n: types.int16 })), "operatorListState", () => ({ n: 0 })),
      "int16",
    ],
    ["of another type", lists(listState("seen", types.utf8), "operatorListState", String), "utf8"],
    [
      "of another kind",
      lists(listState("seen", seen), "unionListState", () => null),
      "union list state, but a list state",
    ],
  ])("that are %s are refused, telling what", async (_, after, message) => {
    await expect(goesOn(before, after)).rejects.toMatchObject({
      code: "STATE_INCOMPATIBLE",
      message: expect.stringContaining(message),
    });
  });
});

/** A function that tells what its broadcast state is with the first row, and into which each row of a second stream goes. */
const rules =
  (descriptor: MapStateDescriptor, entry: (n: bigint) => readonly [unknown, unknown]): Build =>
  (env, tell) => {
    let hasTold = false;
    numbers(env, "numbers")
      .connectBroadcast(numbers(env, "rules") as never)
      .process(
        {
          open({ broadcastState }: StatefulRuntimeContext) {
            const state = broadcastState(descriptor);
            if (!hasTold) for (const each of state.entries()) tell(plain(each));
            hasTold = true;
          },
          processElement: () => undefined,
          processBroadcastElement(
            { n }: { n: bigint },
            context: { broadcastState(d: unknown): Map<unknown, unknown> },
          ) {
            const [key, value] = entry(n);
            context.broadcastState(descriptor).set(key, value);
          },
        } as never,
        { schema: output },
      )
      .uid("rules of rows")
      .forEach(() => {});
  };

describe("broadcast state", () => {
  const kept = rules(mapState("rules", types.int32, seen), (n) => [Number(n) % 5, { n: 1, gone: "x" }]);

  it("has wider keys, and fields that are new, gone, wider and renamed", async () => {
    const after = rules(mapState("rules", types.int64, seenNow), (n) => [n % 5n, { more: "", number: 1n }]);
    const told = await goesOn(kept, after, { renamedState: { "rules of rows": { n: "number" } }, parallelism: 3 });
    expect(told).toEqual([0, 1, 2, 3, 4].map((key) => `[${key},{"more":null,"number":1}]`));
  });

  it.each([
    ["narrower keys", rules(mapState("rules", types.int16, seen), () => [0, null])],
    ["other values", rules(mapState("rules", types.int32, types.utf8), () => [0, null])],
  ])("with %s is refused", async (_, after) => {
    await expect(goesOn(kept, after)).rejects.toMatchObject({ code: "STATE_INCOMPATIBLE" });
  });
});
