import { expect, it } from "vitest";
import { type ChangedChunk, ChunkChanges } from "../../../../src/core/windows/chunk-changes.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const GROUPS = 6;

function mark(ws: Workspace, changes: ChunkChanges, groups: readonly number[]): void {
  const block = ws.allocate(groups.length * 4);
  ws.u32.set(groups, block.address >>> 2);
  changes.mark(block.address, groups.length, GROUPS);
  block.release();
}

function listed(ws: Workspace, { count, groups }: ChangedChunk): number[] | "all" {
  if (groups === undefined) return count === GROUPS ? "all" : [];
  const list = [...ws.u32.subarray(groups.address >>> 2, (groups.address >>> 2) + count)];
  groups.release();
  return list;
}

it("groups of a chunk have changed since a snapshot, or since the one before where that may have failed", () =>
  withWorkspace((ws) => {
    const changes = new ChunkChanges(ws);
    const take = (joins: boolean) => listed(ws, changes.take(joins, GROUPS));
    mark(ws, changes, [1]);
    // No snapshot has it yet.
    expect(take(true)).toBe("all");
    expect(take(true)).toBe("all");
    expect(take(false)).toEqual([]);
    mark(ws, changes, [4, 2, 4]);
    expect(take(false)).toEqual([2, 4]);
    mark(ws, changes, [0]);
    expect(take(true)).toEqual([0, 2, 4]);
    expect(take(true)).toEqual([0, 2, 4]);
    expect(take(false)).toEqual([]);
    // More rows than are marked.
    mark(ws, changes, new Array(8193).fill(3));
    mark(ws, changes, [5]);
    expect(take(false)).toBe("all");
    mark(ws, changes, [5]);
    expect(take(true)).toBe("all");
    mark(ws, changes, [5]);
    expect(take(false)).toEqual([5]);
    changes.release();
  }));
