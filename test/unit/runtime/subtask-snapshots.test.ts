import { beforeAll, expect, it } from "vitest";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { readRows } from "../../../src/core/columns/read.ts";
import { Schema } from "../../../src/core/schema.ts";
import { loadTableFormat, tableFormat } from "../../../src/core/snapshot-tables.ts";
import { int32 } from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import type { JobVertex } from "../../../src/runtime/job-graph.ts";
import type { SubtaskSnapshot } from "../../../src/runtime/snapshots.ts";
import type { Subtask } from "../../../src/runtime/subtask.ts";
import { SubtaskSnapshots } from "../../../src/runtime/subtask-snapshots.ts";
import { newWorkspace } from "../../support/workspace.ts";

beforeAll(loadTableFormat);

const subtask = { index: 0, vertex: 3 } as Subtask;
const vertex = { id: 3 } as JobVertex;
const schema = Schema.of({ n: int32 });

/** Snapshots whose turns come when the test gives them. */
function setUp() {
  const workspace = newWorkspace();
  const turns: { readonly go: () => void; readonly fail: (error: Error) => void }[] = [];
  const taken: [checkpointId: number, snapshot: SubtaskSnapshot][] = [];
  let failures = 0;
  const snapshots = new SubtaskSnapshots({
    workspace,
    stream: undefined,
    restored: undefined,
    vertices: [],
    turn: () => new Promise<void>((go, fail) => void turns.push({ go, fail })),
    onFailure: () => failures++,
  });
  snapshots.onTaken = (checkpointId, _, snapshot) => void taken.push([checkpointId, snapshot]);
  const take = (checkpointId: number, n: number) =>
    snapshots.take(subtask, vertex, { checkpointId }, (writerOf) =>
      writerOf("sums").write("totals", "list", buildBatch(workspace, schema, [{ n }])),
    );
  return { workspace, turns, taken, snapshots, take, failures: () => failures };
}

const rowsOf = (workspace: Workspace, { operators }: SubtaskSnapshot) =>
  operators.map(({ uid, tables }) => [
    uid,
    tables.flatMap(({ bytes }) =>
      [...tableFormat().decodeTable(workspace, bytes)].flatMap((batch) => {
        const rows = readRows(workspace, batch);
        batch.release();
        return rows;
      }),
    ),
  ]);

it("encodes what a barrier met while the job goes on", async () => {
  const { workspace, turns, taken, snapshots, take } = setUp();
  take(1, 5);
  expect(taken).toEqual([]);
  turns[0].go();
  await snapshots.settled();
  expect(taken.map(([id, snapshot]) => [id, rowsOf(workspace, snapshot)])).toEqual([[1, [["sums", [{ n: 5 }]]]]]);
  expect(workspace.allocator.liveBlocks).toBe(0);
});

it("gives up a checkpoint that the next one overtakes, and all when the job is stopped", async () => {
  const { workspace, turns, taken, snapshots, take, failures } = setUp();
  take(1, 5);
  take(2, 6);
  for (const { go } of turns) go();
  await snapshots.settled();
  expect(taken.map(([id]) => id)).toEqual([2]);
  take(3, 7);
  const stopped = snapshots.stop();
  turns.at(-1)?.go();
  await stopped;
  expect(taken.map(([id]) => id)).toEqual([2]);
  snapshots.throwFailure();
  expect(failures()).toBe(0);
  expect(workspace.allocator.liveBlocks).toBe(0);
});

it("tells at once where it fails, though the job may be waiting", async () => {
  const { workspace, turns, taken, snapshots, take, failures } = setUp();
  take(1, 5);
  turns[0].fail(new Error("no memory is left"));
  await snapshots.settled();
  expect(failures()).toBe(1);
  expect(() => snapshots.throwFailure()).toThrow("no memory is left");
  expect(taken).toEqual([]);
  expect(workspace.allocator.liveBlocks).toBe(0);
});
