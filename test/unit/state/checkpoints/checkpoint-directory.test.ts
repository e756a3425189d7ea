import { describe, expect, it } from "vitest";
import type { JobSnapshot, TableChanges, TableState } from "../../../../src/core/job-snapshot.ts";
import { CheckpointDirectory } from "../../../../src/state/checkpoints/checkpoint-directory.ts";
import { isOneRuns } from "../../../../src/state/checkpoints/checkpoint-names.ts";
import { LocalObjects } from "../../../../src/state/checkpoints/local-objects.ts";
import { Simulation } from "../../../../src/testing/simulation.ts";
import { SimulatedCrashError } from "../../../../src/testing/simulation-errors.ts";
import { crc32cReference } from "../../../reference/crc32c.ts";

let writers = 0;

const open = ({ host }: Simulation, retained = 2) =>
  CheckpointDirectory.claim({
    store: new LocalObjects(host.files, "/job", `${writers++}`, isOneRuns),
    checksum: crc32cReference,
    nowMs: () => host.clock.nowMs(),
    turn: () => host.scheduler.yield(),
    retained,
  });

/** A test that takes place on a machine. */
const on = (test: (simulation: Simulation) => Promise<void>) => () => {
  const simulation = new Simulation();
  return simulation.run(() => test(simulation));
};

const snapshot = (checkpointId: number, ...parts: Uint8Array[]): JobSnapshot => ({
  checkpointId,
  maxParallelism: 128,
  operators: { sums: { tables: { totals: { kind: "keyed", parts } } } },
});
const bytes = (...values: number[]) => Uint8Array.from(values);

describe("the checkpoints of a job", () => {
  it(
    "name no file that went with a checkpoint that failed",
    on(async (simulation) => {
      const first = await open(simulation);
      await first.restore();
      const finished = bytes(1, 2, 3);
      simulation.addFault({ label: "disk.sync", nth: 1, kind: "io-error" });
      await expect(first.store(snapshot(1, finished, bytes(4)))).rejects.toMatchObject({ code: "FILE_IO" });
      await first.store(snapshot(2, finished, bytes(5)));
      expect(await (await open(simulation)).restore()).toEqual(snapshot(2, finished, bytes(5)));
    }),
  );

  it(
    "keep what a table was changed from as long as one that builds on it",
    on(async (simulation) => {
      const first = await open(simulation);
      const whole = bytes(1, 2, 3);
      const changed = (checkpointId: number, ...changes: Uint8Array[]): JobSnapshot => ({
        checkpointId,
        maxParallelism: 128,
        operators: {
          sums: {
            tables: { totals: { kind: "keyed", parts: [whole], changes: { unit: ["key.word"], ofParts: [changes] } } },
          },
        },
      });
      const old = bytes(4);
      await first.store(snapshot(1, whole));
      await first.store(changed(2, old));
      await first.store(changed(3, old, bytes(5)));
      await first.store(changed(4, old, bytes(5), bytes(6)));
      await first.removeOld();
      // Two are retained, and one of them has a file that is equal to another.
      expect(simulation.host.files.list("/job/state").length).toBe(5);
      expect(await (await open(simulation)).restore()).toEqual(changed(4, old, bytes(5), bytes(6)));
    }),
  );

  it(
    "tell which rows of a table are gone by the value of a column, part by part",
    on(async (simulation) => {
      const first = await open(simulation);
      const least = { column: "paneStartMs", value: -5 };
      const changes: TableChanges = {
        unit: ["paneStartMs"],
        ofParts: [[bytes(3)], [bytes(4)], []],
        leastOfParts: [undefined, least, undefined],
      };
      const panes: TableState = { kind: "keyed", parts: [bytes(1), bytes(2), bytes(5)], changes };
      const kept = { checkpointId: 1, maxParallelism: 128, operators: { windows: { tables: { panes } } } };
      await first.store(kept);
      expect(await (await open(simulation)).restore()).toEqual(kept);
    }),
  );

  it(
    "write a part that did not change once",
    on(async (simulation) => {
      const first = await open(simulation);
      const finished = bytes(1, 2, 3);
      await first.store(snapshot(1, finished, bytes(4)));
      await first.store(snapshot(2, finished, bytes(5)));
      expect(simulation.host.files.list("/job/state").length).toBe(3);
      await first.store(snapshot(3, finished, bytes(6)));
      await first.removeOld();
      expect(simulation.host.files.list("/job/state").length).toBe(3);
      expect(await (await open(simulation)).restore()).toEqual(snapshot(3, finished, bytes(6)));
    }),
  );

  it(
    "are read from the copy where the manifest is gone from one that was committed",
    on(async (simulation) => {
      const first = await open(simulation);
      await first.store(snapshot(1, bytes(1)));
      await first.store(snapshot(2, bytes(2)));
      await first.beforeCommit(2);
      simulation.host.files.remove("/job/chk-000001-000000002/manifest.json");
      expect(await (await open(simulation)).restore()).toEqual(snapshot(2, bytes(2)));
    }),
  );

  it(
    "are missed where one that a run went on from is gone",
    on(async (simulation) => {
      await (await open(simulation)).store(snapshot(1, bytes(1)));
      await (await open(simulation)).restore();
      simulation.host.files.remove("/job/chk-000001-000000001");
      await expect((await open(simulation)).restore()).rejects.toMatchObject({ code: "CHECKPOINT_CORRUPT" });
    }),
  );

  it(
    "are passed over where they are damaged and nothing of them was committed",
    on(async (simulation) => {
      const first = await open(simulation);
      await first.restore();
      await first.store(snapshot(1, bytes(1)));
      await first.store(snapshot(2, bytes(2)));
      simulation.host.files.remove("/job/state/000001-000000002-0.arrows");
      expect(await (await open(simulation)).restore()).toEqual(snapshot(1, bytes(1)));
    }),
  );

  it(
    "let a run that was taken over neither start nor commit",
    on(async (simulation) => {
      const first = await open(simulation);
      const second = await open(simulation);
      await expect(first.restore()).rejects.toMatchObject({ code: "CHECKPOINT_FENCED" });
      await expect(first.store(snapshot(1, bytes(1)))).rejects.toMatchObject({ code: "CHECKPOINT_FENCED" });
      await second.restore();
      await second.store(snapshot(1, bytes(2)));
      await expect(first.beforeCommit(1)).rejects.toMatchObject({ code: "CHECKPOINT_FENCED" });
      expect(await (await open(simulation)).restore()).toEqual(snapshot(1, bytes(2)));
    }),
  );

  it("are removed so that at each moment the newest is whole, or none is there", async () => {
    let survivors = 0;
    for (const [label, kind] of [
      ["disk.remove", "crash"],
      ["disk.remove", "kill"],
      ["disk.sync-directory", "crash"],
    ] as const) {
      for (let nth = 1; ; nth++) {
        const simulation = new Simulation();
        const whole = snapshot(4, bytes(1), bytes(7));
        let hasEnded = false;
        const removed = simulation.run(async () => {
          const first = await open(simulation);
          await first.restore();
          for (const id of [1, 2]) await first.store(snapshot(id, bytes(id)));
          await first.beforeCommit(2);
          const second = await open(simulation);
          await second.restore();
          for (const id of [3, 4]) await second.store(id === 4 ? whole : snapshot(id, bytes(id)));
          await second.beforeCommit(4);
          simulation.addFault({ label, kind, nth: (simulation.hits.get(label) ?? 0) + nth });
          await second.removeAll();
          hasEnded = true;
        });
        await removed.catch((thrown: unknown) => {
          if (!(thrown instanceof SimulatedCrashError)) throw thrown;
        });
        const found = await simulation.run(async () => (await open(simulation)).restore());
        if (found !== undefined) survivors++;
        expect(found === undefined || found.checkpointId === 4).toBe(true);
        if (!hasEnded) continue;
        expect(found).toBeUndefined();
        break;
      }
    }
    expect(survivors).toBeGreaterThan(20);
  });

  it(
    "stay where another run has taken them over",
    on(async (simulation) => {
      const first = await open(simulation);
      await first.store(snapshot(1, bytes(1)));
      const second = await open(simulation);
      await expect(first.removeAll()).rejects.toMatchObject({ code: "CHECKPOINT_FENCED" });
      expect(await second.restore()).toEqual(snapshot(1, bytes(1)));
    }),
  );
});
