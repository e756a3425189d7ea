import type { Batch } from "../batch.ts";
import { buildBatch } from "../columns/build.ts";
import { batchBytes } from "../columns/size.ts";
import type { SpillFile } from "../spill-file.ts";
import type { SpillSpace } from "../spill-space.ts";
import type { Workspace } from "../workspace.ts";
import { BuiltSide, type JoinRun } from "./built-side.ts";
import { givesPairs, keepsUnmatched } from "./join-plan.ts";
import { TABLE_BYTES_PER_ROW } from "./join-table.ts";
import { MAXIMUM_LEVELS, PartitionedSide } from "./partitioned-side.ts";

/** A partition that kept this share of its parent's rows is one key, or few: partitioning it again is in vain. */
const STUCK_SHARE = 0.8;

/** One partition of both sides, on disk; undefined where a side has no rows. */
export interface PartitionFiles {
  readonly build: SpillFile | undefined;
  readonly probe: SpillFile | undefined;
}

/**
 * Joins two sides that were partitioned to disk, partition by partition (Kitsuregawa et al., "Application of Hash to
 * Data Base Machine and Its Architecture", 1983; "grace" hash join). A partition whose build side does not fit in
 * memory is partitioned again by other bits of the hash; one that does not shrink, because few keys hold all its rows,
 * is joined block by block: a part of the build side at a time against the whole probe side.
 */
export class SpilledJoin {
  readonly #workspace: Workspace;
  readonly #run: JoinRun;
  readonly #space: SpillSpace;

  constructor(workspace: Workspace, run: JoinRun, space: SpillSpace) {
    this.#workspace = workspace;
    this.#run = run;
    this.#space = space;
  }

  /** The joined rows; the files are removed on the way, and by the space's `close` if the generator ends early. */
  *join({ build, probe }: PartitionFiles, level: number): Generator<Batch, void, void> {
    if (build === undefined && probe === undefined) return;
    const bytes = build === undefined ? 0 : 2 * build.byteLength + build.rowCount * TABLE_BYTES_PER_ROW;
    this.#workspace.governor.reserve(bytes, "A join");
    const fits = bytes <= this.#workspace.governor.availableBytes;
    if (fits || level >= MAXIMUM_LEVELS || build === undefined) yield* this.#joinBlocks({ build, probe });
    else yield* this.#joinParts({ build, probe }, level);
    for (const file of [build, probe]) if (file !== undefined) this.#space.remove(file);
  }

  *#joinParts({ build, probe }: PartitionFiles & { build: SpillFile }, level: number): Generator<Batch, void, void> {
    const { plan, buildSide } = this.#run;
    const split = (file: SpillFile | undefined, side: "left" | "right"): (SpillFile | undefined)[] => {
      const parts = new PartitionedSide(this.#workspace, plan[side], this.#space, level);
      if (file !== undefined) for (const batch of this.#read(file)) parts.write(batch);
      return parts.finish();
    };
    const builds = split(build, buildSide);
    const largest = Math.max(...builds.map((part) => part?.rowCount ?? 0));
    if (largest > build.rowCount * STUCK_SHARE) {
      for (const part of builds) if (part !== undefined) this.#space.remove(part);
      yield* this.#joinBlocks({ build, probe });
      return;
    }
    const probes = split(probe, buildSide === "left" ? "right" : "left");
    for (const [i, part] of builds.entries()) yield* this.join({ build: part, probe: probes[i] }, level + 1);
  }

  /** Reads the build side in blocks that fit, usually one, and the probe side once for each. */
  *#joinBlocks({ build, probe }: PartitionFiles): Generator<Batch, void, void> {
    const { plan, buildSide } = this.#run;
    const probeSide = buildSide === "left" ? "right" : "left";
    const wantsMarks = keepsUnmatched(plan.type, probeSide) || (!givesPairs(plan.type) && probeSide === "left");
    const marks = wantsMarks && probe !== undefined ? this.#workspace.allocateZeroed(probe.rowCount) : undefined;
    let last: BuiltSide | undefined;
    try {
      for (const block of this.#blocks(build)) {
        const built = new BuiltSide(this.#workspace, this.#run, block);
        last = built;
        yield* this.#probeAll(probe, (batch, row) => built.probe(batch, marks && marks.address + row));
        yield* built.leftover();
        built.release();
        last = undefined;
      }
      if (marks === undefined) return;
      // The table of an empty block lends its way to make rows from marks.
      const { schema } = plan[buildSide];
      const empty = new BuiltSide(this.#workspace, this.#run, [buildBatch(this.#workspace, schema, [])]);
      last = empty;
      yield* this.#probeAll(probe, (batch, row) => empty.markedRows(batch, marks.address + row));
    } finally {
      last?.release();
      marks?.release();
    }
  }

  *#probeAll(
    probe: SpillFile | undefined,
    join: (batch: Batch, firstRow: number) => Generator<Batch, void, void>,
  ): Generator<Batch, void, void> {
    if (probe === undefined) return;
    let row = 0;
    for (const batch of this.#read(probe)) {
      yield* join(batch, row);
      row += batch.rowCount;
    }
  }

  /** Batches of a file in groups that fit in memory with their table; whoever takes a group owns it. */
  *#blocks(file: SpillFile | undefined): Generator<Batch[], void, void> {
    if (file === undefined) return;
    const reader = file.open();
    let block: Batch[] = [];
    try {
      let bytes = 0;
      const { governor } = this.#workspace;
      let limit = governor.availableBytes / 2;
      for (let batch = reader.next(this.#workspace); batch !== undefined; batch = reader.next(this.#workspace)) {
        const size = batchBytes(this.#workspace, batch) + batch.rowCount * TABLE_BYTES_PER_ROW;
        if (bytes > 0 && bytes + size > limit) {
          const full = block;
          block = [batch];
          bytes = size;
          yield full;
          limit = governor.availableBytes / 2;
          continue;
        }
        block.push(batch);
        bytes += size;
      }
      const rest = block;
      block = [];
      if (rest.length > 0) yield rest;
    } finally {
      for (const batch of block) batch.release();
      reader.close();
    }
  }

  /** The batches of a file, each released when the next is asked for. */
  *#read(file: SpillFile): Generator<Batch, void, void> {
    const reader = file.open();
    try {
      for (let batch = reader.next(this.#workspace); batch !== undefined; batch = reader.next(this.#workspace)) {
        try {
          yield batch;
        } finally {
          batch.release();
        }
      }
    } finally {
      reader.close();
    }
  }
}
