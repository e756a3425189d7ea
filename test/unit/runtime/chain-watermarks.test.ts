import { beforeAll, expect, it } from "vitest";
import type { JobSnapshot, OperatorSnapshot } from "../../../src/core/job-snapshot.ts";
import { loadTableFormat } from "../../../src/core/snapshot-tables.ts";
import type { SnapshotReader } from "../../../src/core/state-snapshot.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { readWatermark, writeWatermark } from "../../../src/runtime/chain-watermarks.ts";
import type { JobVertex, StreamSettings } from "../../../src/runtime/job-graph.ts";
import { TableWriter } from "../../../src/runtime/snapshots.ts";
import type { Subtask } from "../../../src/runtime/subtask.ts";
import { SubtaskSnapshots } from "../../../src/runtime/subtask-snapshots.ts";
import { newWorkspace } from "../../support/workspace.ts";

beforeAll(loadTableFormat);

/** What the subtasks of a step had got. */
function kept(workspace: Workspace, ...watermarks: number[]): OperatorSnapshot {
  const parts = watermarks.map((timeMs, subtask) => {
    const writer = new TableWriter(workspace);
    writeWatermark({ workspace, subtask, parallelism: watermarks.length }, writer, timeMs);
    return writer.finish()[0];
  });
  const [{ name }] = parts;
  return { tables: { [name]: { kind: "union", parts: parts.map(({ bytes }) => bytes) } } };
}

const vertex = (id: number, parallelism: number, uid: string, isSource: boolean) =>
  ({
    id,
    parallelism,
    operators: isSource ? [] : [{ uid }],
    ...(isSource ? { source: { stream: { uid } } } : {}),
  }) as unknown as JobVertex;

/** The watermarks that three subtasks of a step go on from, behind a source with so many. */
function restored(sourceParallelism: number): number[] {
  const workspace = newWorkspace();
  const snapshot: JobSnapshot = {
    checkpointId: 1,
    maxParallelism: 8,
    operators: { numbers: kept(workspace, -8, -1, -3), step: kept(workspace, -8, -1, -3) },
  };
  const step = vertex(1, 3, "step", false);
  const snapshots = new SubtaskSnapshots({
    workspace,
    stream: { maxParallelism: 8 } as StreamSettings,
    restored: snapshot,
    vertices: [vertex(0, sourceParallelism, "numbers", true), step],
    turn: () => Promise.resolve(),
    onFailure: () => undefined,
  });
  const found = [0, 1, 2].map((index) => {
    let watermark = Number.NaN;
    const restore = (readerOf: (part: string) => SnapshotReader | undefined) => {
      const reader = readerOf("step");
      if (reader !== undefined) watermark = readWatermark({ workspace, subtask: index, parallelism: 3 }, reader);
    };
    snapshots.restore({ index, restore } as unknown as Subtask, step);
    return watermark;
  });
  expect(workspace.allocator.liveBlocks).toBe(0);
  return found;
}

it("subtasks go on from their own watermark where all steps have as many as before", () => {
  expect(restored(3)).toEqual([-8, -1, -3]);
});

it("subtasks go on from the least where rows may come to others than before", () => {
  expect(restored(1)).toEqual([-8, -8, -8]);
  expect(restored(2)).toEqual([-8, -8, -8]);
});
