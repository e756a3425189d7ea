import type { Batch } from "../batch.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import { gatherBatch } from "./gather.ts";

/**
 * Which of `partitionCount` partitions each hash of u64[length] belongs to, as u32[length]; even for any count, and
 * fixed for all versions. The caller owns the block.
 */
export function partitionNumbers(workspace: Workspace, hashes: Block, length: number, partitionCount: number): Block {
  const numbers = workspace.allocate(length * 4);
  workspace.kernels.partitionNumbers(hashes.address, length, partitionCount, numbers.address);
  return numbers;
}

/**
 * The key group of each hash of u64[length], as u32[length]: hash mod maxParallelism, the unit in which keyed state
 * moves when a job is rescaled. The caller owns the block.
 */
export function keyGroups(workspace: Workspace, hashes: Block, length: number, maxParallelism: number): Block {
  const groups = workspace.allocate(length * 4);
  workspace.kernels.partitionKeyGroups(hashes.address, length, maxParallelism, groups.address);
  return groups;
}

/**
 * Which of `parallelism` subtasks owns the key group of each hash of u64[length], as u32[length]. The caller owns the
 * block.
 */
export function keyGroupOwners(
  workspace: Workspace,
  hashes: Block,
  length: number,
  parallelism: number,
  maxParallelism: number,
): Block {
  const owners = workspace.allocate(length * 4);
  workspace.kernels.partitionSubtasks(hashes.address, length, parallelism, maxParallelism, owners.address);
  return owners;
}

/**
 * Splits a batch by partition number (u32[rowCount] at `numbers`, each below `partitionCount`), rows in their order.
 * A partition without rows is undefined. The caller owns the batches; one that gets all rows shares the input.
 */
export function partitionBatch(
  workspace: Workspace,
  batch: Batch,
  numbers: Address,
  partitionCount: number,
): (Batch | undefined)[] {
  const ends = workspace.allocate(partitionCount * 4);
  const rows = workspace.allocate(batch.rowCount * 4);
  workspace.kernels.partitionRows(numbers, batch.rowCount, partitionCount, ends.address, rows.address);
  const bounds = workspace.u32.slice(ends.address >>> 2, (ends.address >>> 2) + partitionCount);
  const parts: (Batch | undefined)[] = [];
  let start = 0;
  for (const end of bounds) {
    if (end === start) parts.push(undefined);
    else if (end - start === batch.rowCount) parts.push(batch.retain());
    else parts.push(gatherBatch(workspace, batch, rows.address + start * 4, end - start));
    start = end;
  }
  ends.release();
  rows.release();
  return parts;
}
