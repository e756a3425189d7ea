import { expect, it } from "vitest";
import type { JobSnapshot } from "../../../src/core/job-snapshot.ts";
import { RegionCheckpoints } from "../../../src/datastream/region-checkpoints.ts";

const REGIONS = 2;
const graphOf = (region: number) => ({
  vertices: [{ id: region, name: `step ${region}`, operators: [{ uid: `uid ${region}` }], inputs: [], parallelism: 1 }],
  edges: [],
});

/** Checkpoints of two regions, and what was stored of the job. */
function checkpointsOf(restore?: JobSnapshot) {
  const stored: JobSnapshot[] = [];
  const taken: number[] = [];
  const checkpoints = new RegionCheckpoints({
    regions: Array.from({ length: REGIONS }, (_, region) => graphOf(region)) as never,
    restore,
    keep: (snapshot) => void stored.push(snapshot),
    commitWatch: undefined,
    take: (region) => void taken.push(region),
  });
  const ways = Array.from({ length: REGIONS }, (_, region) => checkpoints.optionsOf(region, () => undefined));
  const part = (region: number, checkpointId: number): JobSnapshot => ({
    checkpointId,
    maxParallelism: 8,
    operators: { [`uid ${region}`]: { tables: {} } },
  });
  const { signal } = new AbortController();
  const store = (region: number, snapshot: JobSnapshot) => ways[region].storeCheckpoint?.(snapshot, { signal });
  return { checkpoints, ways, stored, taken, part, store };
}

it("a checkpoint of a job that is stored later has a greater number, in whatever order barriers of regions have passed", async () => {
  const { ways, stored, taken, part, store } = checkpointsOf();
  const next = () => ways[0].nextCheckpointId?.() ?? Number.NaN;
  const [first, second, late, third] = [next(), next(), next(), next()];
  expect([first, second, late, third]).toEqual([1, 2, 3, 4]);
  const both = [store(0, part(0, first)), store(1, part(1, second))];
  expect(taken).toEqual([1]);
  await Promise.all(both);
  expect(stored.map(({ checkpointId }) => checkpointId)).toEqual([2]);
  await store(0, part(0, third));
  // Its barrier has a number from before.
  await store(1, part(1, late));
  const numbers = stored.map(({ checkpointId }) => checkpointId);
  expect(numbers).toEqual([2, 4, 5]);
  for (const { operators } of stored) expect(Object.keys(operators).toSorted()).toEqual(["uid 0", "uid 1"]);
});

it("a region goes on from its own part of what was restored until it has a newer one that is complete", async () => {
  const restore = {
    checkpointId: 7,
    maxParallelism: 8,
    operators: { "uid 0": { tables: {} }, "uid 1": { tables: {} } },
  };
  const { checkpoints, part, store, stored } = checkpointsOf(restore);
  expect(checkpoints.newestOf(1)).toEqual({ ...restore, operators: { "uid 1": { tables: {} } } });
  const newer = [part(0, 8), part(1, 9)];
  await Promise.all(newer.map((each, region) => store(region, each)));
  expect(stored).toHaveLength(1);
  expect([0, 1].map((region) => checkpoints.newestOf(region))).toEqual(newer);
});
