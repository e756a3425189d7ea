import type { Column } from "../../core/column.ts";
import { gatherColumn } from "../../core/columns/gather.ts";
import { ExternalError } from "../../core/errors.ts";
import type { Block } from "../../core/memory/block.ts";
import type { Workspace } from "../../core/workspace.ts";
import { PADDING_BYTES } from "./decode-scope.ts";
import type { WriteLeaf, WriteNode } from "./write-schema.ts";

/** What a leaf of a column is written as: levels per entry and the values that are not null. */
export interface ShreddedLeaf {
  readonly leaf: WriteLeaf;
  readonly entryCount: number;
  /** u8[entryCount]; undefined where the leaf has no repeated ancestor. */
  readonly repetitions: Block | undefined;
  /** u8[entryCount]; undefined where every entry has the greatest level. */
  readonly definitions: Block | undefined;
  /** The values in order, without nulls; dictionary-encoded if the column is. */
  readonly values: Column;
}

export function releaseShredded(shredded: ShreddedLeaf): void {
  shredded.repetitions?.release();
  shredded.definitions?.release();
  shredded.values.release();
}

/** Splits a column into its leaves (Dremel's record shredding); the caller owns them. */
export function shred(workspace: Workspace, node: WriteNode, column: Column): ShreddedLeaf[] {
  if (node.leaf !== undefined && column.nullCount === 0) {
    const { leaf } = node;
    const values = column.retain();
    return [{ leaf, entryCount: column.length, repetitions: undefined, definitions: undefined, values }];
  }
  const { kernels } = workspace;
  const entries = new Entries(workspace, column.length);
  kernels.fillBytes(entries.repetitions.address, 0, column.length);
  kernels.fillBytes(entries.definitions.address, 0, column.length);
  kernels.fillSequence32(0, column.length, entries.slots.address);
  const leaves: ShreddedLeaf[] = [];
  try {
    walk(workspace, node, column, entries, 0, leaves);
  } catch (error) {
    for (const leaf of leaves) releaseShredded(leaf);
    throw error;
  }
  return leaves;
}

/** Levels so far, and the slot of the present node that each entry reached (-1: it ended above). */
class Entries {
  readonly count: number;
  readonly repetitions: Block;
  readonly definitions: Block;
  readonly slots: Block;

  constructor(workspace: Workspace, count: number, repetitions?: Block) {
    this.count = count;
    this.repetitions = repetitions ?? workspace.allocate(count + PADDING_BYTES);
    this.definitions = workspace.allocate(count + PADDING_BYTES);
    this.slots = workspace.allocate(count * 4 + PADDING_BYTES);
  }

  /** A copy whose definitions and slots may change; repetitions are shared. */
  fork(workspace: Workspace): Entries {
    const copy = new Entries(workspace, this.count, this.repetitions.retain());
    workspace.kernels.copyBytes(copy.definitions.address, this.definitions.address, this.count);
    workspace.kernels.copyBytes(copy.slots.address, this.slots.address, this.count * 4);
    return copy;
  }

  release(): void {
    this.repetitions.release();
    this.definitions.release();
    this.slots.release();
  }
}

/** Takes over `entries`; appends the leaves below `node`. */
function walk(
  workspace: Workspace,
  node: WriteNode,
  column: Column,
  entries: Entries,
  repetition: number,
  leaves: ShreddedLeaf[],
): void {
  const { kernels } = workspace;
  const { count, definitions, slots } = entries;
  try {
    if (column.type.kind === "null") kernels.fillBytes(slots.address, 0xff, count * 4);
    else if (node.isNullable) {
      kernels.parquetShredNullable(definitions.address, slots.address, count, column.validity);
    }
    if (node.leaf !== undefined) {
      leaves.push(finishLeaf(workspace, node.leaf, column, entries, repetition > 0));
    } else if (column.type.kind === "struct") {
      node.children.forEach((child, i) => {
        walk(workspace, child, column.children[i], entries.fork(workspace), repetition, leaves);
      });
    } else {
      const expanded = expandLists(workspace, column, entries, repetition + 1);
      walk(workspace, node.children[0], column.children[0], expanded, repetition + 1, leaves);
    }
  } finally {
    entries.release();
  }
}

function expandLists(workspace: Workspace, column: Column, entries: Entries, repetition: number): Entries {
  const { kernels } = workspace;
  const count = kernels.parquetShredCount(entries.slots.address, entries.count, column.offsets);
  if (count > 2 ** 31 - 1) {
    throw new ExternalError(
      "PARQUET_ROW_GROUP_TOO_LARGE",
      false,
      `A list column has ${count} elements in one row group, and Parquet pages count with 31 bits.`,
      "Write smaller row groups.",
    );
  }
  const expanded = new Entries(workspace, count);
  kernels.parquetShredList(
    entries.repetitions.address,
    entries.definitions.address,
    entries.slots.address,
    entries.count,
    column.offsets,
    repetition,
    expanded.repetitions.address,
    expanded.definitions.address,
    expanded.slots.address,
  );
  return expanded;
}

function finishLeaf(
  workspace: Workspace,
  leaf: WriteLeaf,
  column: Column,
  entries: Entries,
  isRepeated: boolean,
): ShreddedLeaf {
  const { count, slots } = entries;
  const live = workspace.kernels.parquetLiveSlots(slots.address, count, slots.address);
  const values = gatherColumn(workspace, column, slots.address, live);
  return {
    leaf,
    entryCount: count,
    repetitions: isRepeated ? entries.repetitions.retain() : undefined,
    definitions: entries.definitions.retain(),
    values,
  };
}
