import { describe, expect, it } from "vitest";
import type { SnapshotWriter } from "../../../../src/core/state-snapshot.ts";
import { MemoryCells } from "../../../../src/state/memory/memory-cells.ts";

/** Of snapshots, the first of which is whole, of so many keys. */
class Snapshots {
  readonly cells = new MemoryCells({ start: 0, end: 4 });
  readonly changes = this.cells.changesOf(0);
  #number = 0;

  constructor(keys: number) {
    for (let id = 0; id < keys; id++) this.put(id, "first");
    expect(this.take()).toBeUndefined();
    this.changes.onWhole(keys, keys);
  }

  put(id: number, cell: unknown): void {
    this.cells.setKey({ keyGroup: id % 4, id, values: [id] });
    this.cells.set(0, cell);
  }

  /** The ids that have changed since the snapshot `since`, the last one if nobody says; undefined: all are written. */
  take(since = this.#number): unknown[] | undefined {
    const number = ++this.#number;
    const writer = { number, ...(since === 0 ? {} : { changes: { since } }) } as unknown as SnapshotWriter;
    const taken = this.changes.take(writer);
    this.cells.onSnapshot();
    return taken && Array.from(taken, ({ id }) => id).sort();
  }
}

describe("changes of keys", () => {
  it("are those since the snapshot that is built on, also where others failed in between", () => {
    const snapshots = new Snapshots(10);
    snapshots.put(3, "second");
    expect(snapshots.take(1)).toEqual([3]);
    snapshots.put(4, "second");
    // The second one has failed.
    expect(snapshots.take(1)).toEqual([3, 4]);
    snapshots.put(5, "second");
    expect(snapshots.take(3)).toEqual([5]);
    expect(snapshots.take(4)).toEqual([]);
    // On one that is neither the last nor the one before it nothing can be built.
    expect(snapshots.take(2)).toBeUndefined();
  });

  it("are none where a cell was empty and stays so", () => {
    const snapshots = new Snapshots(4);
    snapshots.put(7, undefined);
    expect(snapshots.take()).toEqual([]);
  });

  it("tell of keys that are gone, and nothing of those that came after the last snapshot", () => {
    const snapshots = new Snapshots(6);
    snapshots.put(2, undefined);
    for (let id = 100; id < 5000; id++) {
      snapshots.put(id, "for a moment");
      snapshots.put(id, undefined);
    }
    expect(snapshots.take()).toEqual([2]);
    snapshots.put(2, "anew");
    snapshots.put(2, undefined);
    snapshots.put(3, undefined);
    snapshots.put(3, "anew");
    expect(new Set(snapshots.take())).toEqual(new Set([3]));
  });

  it("are not kept where they are more than half of the keys", () => {
    const snapshots = new Snapshots(8);
    for (let id = 0; id < 4; id++) snapshots.put(id, "second");
    expect(snapshots.take()).toEqual([0, 1, 2, 3]);
    for (let id = 0; id < 5; id++) snapshots.put(id, "third");
    expect(snapshots.take()).toBeUndefined();
    snapshots.changes.onWhole(8, 8);
    snapshots.put(1, "fourth");
    expect(snapshots.take()).toEqual([1]);
  });

  it("are not kept where they are many because nothing completes", () => {
    const snapshots = new Snapshots(8);
    for (let id = 0; id < 5; id++) {
      snapshots.put(id, "second");
      expect(snapshots.take(1)?.length).toBe(id < 4 ? id + 1 : undefined);
    }
    expect(snapshots.take(1)).toBeUndefined();
  });
});

it("keys are met once each, also where a visit takes them out and puts them back", () => {
  const { cells } = new Snapshots(10);
  const met: unknown[] = [];
  for (const entry of cells.present()) {
    met.push(entry.id);
    if (met.length > 100) break;
    cells.setKey(entry);
    cells.set(0, undefined);
    cells.set(0, "anew");
  }
  expect(met.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
