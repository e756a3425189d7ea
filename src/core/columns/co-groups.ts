import type { Batch } from "../batch.ts";
import type { Block } from "../memory/block.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";
import { AlignedInputs } from "./aligned-inputs.ts";
import { buildBatch } from "./build.ts";
import { encodeKeys, releaseKeys, type SortKey } from "./sort-keys.ts";
import { mergeBatches } from "./sorted-buffer.ts";

/** The rows of one key on both sides; a side without the key has start = end. Valid until the next group is asked for. */
export interface CoGroup {
  readonly left: Batch;
  readonly leftStart: number;
  readonly leftEnd: number;
  readonly right: Batch;
  readonly rightStart: number;
  readonly rightEnd: number;
}

/** Both sides up to one place in the order, with the bounds of their groups. */
interface Chunk {
  readonly left: Batch;
  readonly right: Batch;
  readonly bounds: Block;
  readonly count: number;
  at: number;
}

/**
 * Aligned groups of two inputs sorted by their keys: null keys form a group like any other. Batches are offered as they
 * come; `nextGroup` gives the groups that are complete by then, in order of the keys.
 */
export class CoGroups {
  readonly #workspace: Workspace;
  readonly #schemas: readonly [Schema, Schema];
  readonly #keys: readonly [readonly SortKey[], readonly SortKey[]];
  readonly #inputs: AlignedInputs;
  #chunk: Chunk | undefined;

  constructor(
    workspace: Workspace,
    left: { schema: Schema; keys: readonly SortKey[] },
    right: { schema: Schema; keys: readonly SortKey[] },
  ) {
    this.#workspace = workspace;
    this.#schemas = [left.schema, right.schema];
    this.#keys = [left.keys, right.keys];
    this.#inputs = new AlignedInputs(workspace, left.keys, right.keys);
  }

  /** The input that holds the other one up. */
  get wanted(): 0 | 1 {
    return this.#inputs.wanted;
  }

  /** Borrows the batch. */
  offer(input: 0 | 1, batch: Batch): void {
    this.#inputs.offer(input, batch);
  }

  end(input: 0 | 1): void {
    this.#inputs.end(input);
  }

  /** The next group that is complete; undefined until more is offered, or at the end. */
  nextGroup(): CoGroup | undefined {
    if (this.#chunk === undefined || this.#chunk.at === this.#chunk.count) {
      this.#drop();
      this.#chunk = this.#nextChunk();
    }
    const chunk = this.#chunk;
    if (chunk === undefined) return undefined;
    const { u32 } = this.#workspace;
    const at = (chunk.bounds.address >>> 2) + 4 * chunk.at++;
    return {
      left: chunk.left,
      leftStart: u32[at],
      leftEnd: u32[at + 1],
      right: chunk.right,
      rightStart: u32[at + 2],
      rightEnd: u32[at + 3],
    };
  }

  close(): void {
    this.#drop();
    this.#inputs.close();
  }

  #nextChunk(): Chunk | undefined {
    const rows = this.#inputs.take();
    if (rows === undefined) return undefined;
    const left = this.#whole(rows.left, this.#schemas[0]);
    const right = this.#whole(rows.right, this.#schemas[1]);
    const bounds = this.#workspace.allocate((left.rowCount + right.rowCount) * 16);
    const leftKeys = this.#encode(left, this.#keys[0]);
    const rightKeys = this.#encode(right, this.#keys[1]);
    const count = this.#workspace.kernels.joinSortedGroups(
      leftKeys.words.address,
      leftKeys.positions?.address ?? 0,
      leftKeys.stride,
      left.rowCount,
      rightKeys.words.address,
      rightKeys.positions?.address ?? 0,
      rightKeys.stride,
      right.rowCount,
      bounds.address,
    );
    releaseKeys(leftKeys);
    releaseKeys(rightKeys);
    return { left, right, bounds, count, at: 0 };
  }

  #whole(batches: Batch[], schema: Schema): Batch {
    return batches.length === 0 ? buildBatch(this.#workspace, schema, []) : mergeBatches(this.#workspace, batches);
  }

  #encode(batch: Batch, keys: readonly SortKey[]) {
    const columns = keys.map((key) => batch.columns[key.column]);
    return encodeKeys(this.#workspace, columns, keys, batch.rowCount, "absolute");
  }

  #drop(): void {
    this.#chunk?.left.release();
    this.#chunk?.right.release();
    this.#chunk?.bounds.release();
    this.#chunk = undefined;
  }
}
