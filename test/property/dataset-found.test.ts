import { afterAll, describe, expect, it } from "vitest";
import { ExecutionEnvironment, Schema, types } from "../../src/index.ts";

// What the properties of this folder have found, as ordinary tests.

afterAll(() => ExecutionEnvironment.shutdown());

describe.each([1, 2])("on %i threads", (parallelism) => {
  const env = ExecutionEnvironment.create({ parallelism, batchRows: 16 });
  const left = env.fromRows([{ id: 1 }, { id: 2 }], Schema.of({ id: types.int32 }));
  const right = env.fromRows([{ number: 2 }, { number: 3 }], Schema.of({ number: types.int32 }));

  it("co-groups name their key as the left side does, also where only the right side has it", async () => {
    const keys = await left
      .coGroup(right)
      .where("id")
      .equalTo("number")
      .with((key) => [{ id: key.id }], { schema: Schema.of({ id: types.int32 }) })
      .orderBy("id")
      .collect();
    expect(keys).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it("outer joins take a pair of keys that is given twice", async () => {
    const others = right.select("number").rename({ number: "id" });
    const joined = await left.fullOuterJoin(others).on("id", "id").orderBy("id").collect();
    expect(joined).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
    // The left key twice, against two columns of which one has its name.
    const pairs = env.fromRows([{ id: 2, other: 2 }], Schema.of({ id: types.int32, other: types.int32 }));
    const both = left.rightOuterJoin(pairs).where("id", "id").equalTo("id", "other");
    expect(await both.collect()).toEqual([{ id: 2, other: 2 }]);
  });
});

it("plans a dataset that is read by itself again and again in steps, not in paths", async () => {
  let data = ExecutionEnvironment.create().sequence(0, 2);
  for (let i = 0; i < 40; i++) data = data.union(data).distinct();
  expect(await data.count()).toBe(2);
});
