import { GroupArray } from "../aggregates/group-array.ts";
import type { Address } from "../memory/allocator.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";

/** Behind so many rows per group nearly all groups have changed: to mark them would cost more than it tells. */
const ROWS_PER_GROUP = 2;
/** So many rows are always marked. */
const FEWEST_ROWS = 8192;

/** Groups of a chunk that have changed: u32[count], ascending, the receiver's; without `groups`, all that there are. */
export interface ChangedChunk {
  readonly count: number;
  readonly groups: Block | undefined;
}

/**
 * Which groups of a chunk have changed since a snapshot. Those of a chunk that none has seen have all, and so have those
 * of one to which many rows have come: neither costs marks.
 */
export class ChunkChanges {
  readonly #workspace: Workspace;
  readonly #marks: GroupArray;
  /** Since the last snapshot: whether all count as changed, and how many rows have come. */
  #isAll = true;
  #rows = 0;
  /** Before the last snapshot, since the one that it was built on: whether all, or any, count as changed. */
  #wasAll = false;
  #wasAny = false;

  constructor(workspace: Workspace) {
    this.#workspace = workspace;
    this.#marks = new GroupArray(workspace, 1);
  }

  get memoryBytes(): number {
    return this.#marks.byteLength;
  }

  growthBytes(groupCount: number): number {
    return this.#isAll ? 0 : this.#marks.growthBytes(groupCount);
  }

  /** The groups u32[rowCount], of `groupCount`, change. */
  mark(groups: Address, rowCount: number, groupCount: number): void {
    if (this.#isAll) return;
    this.#rows += rowCount;
    if (this.#rows > Math.max(FEWEST_ROWS, groupCount * ROWS_PER_GROUP)) this.#isAll = true;
    else this.#workspace.kernels.changesMark(groups, rowCount, this.#marks.ensure(groupCount));
  }

  /** A snapshot is taken: what has changed since the last one, and, where it `joins`, before it. */
  take(joins: boolean, groupCount: number): ChangedChunk {
    const isAll = this.#isAll || (joins && this.#wasAll);
    const isAny = this.#rows > 0 || (joins && this.#wasAny);
    this.#wasAll = isAll;
    this.#wasAny = isAny;
    this.#isAll = false;
    this.#rows = 0;
    if (isAll || !isAny) {
      this.#marks.release();
      return { count: isAll ? groupCount : 0, groups: undefined };
    }
    const groups = this.#workspace.allocate(groupCount * 4);
    const { kernels } = this.#workspace;
    const count = kernels.changesTake(this.#marks.ensure(groupCount), groupCount, joins, groups.address);
    return { count, groups };
  }

  release(): void {
    this.#marks.release();
  }
}
