import type { KeyId } from "../../core/state/key-identity.ts";
import { KeyEntry } from "../memory/key-entry.ts";
import type { Neighbours } from "./page-store.ts";

/** The entry of a key in the cache. One without cells stands for a key that is gone. */
export class DiskEntry extends KeyEntry {
  /** Of the bytes of the key. */
  readonly hash: number;
  /** The epoch in which it changed last. */
  stamp: number;
  /** It is not on its page as it is here. */
  isDirty = false;
  /** A page, or a snapshot, has something of the key. */
  isStored: boolean;
  /** Until it is asked for again, or written: what was beside it on its page. */
  neighbours: Neighbours | undefined;
  /** Of the cache, when it was asked for last. */
  round = 0;
  /** About what it takes of the heap, as it was counted last. */
  heapBytes = 0;

  constructor(keyGroup: number, id: KeyId, values: readonly unknown[] | undefined, hash: number, stamp?: number) {
    super(keyGroup, id, values, 0);
    this.hash = hash;
    this.stamp = stamp ?? 0;
    this.isStored = stamp !== undefined;
  }
}
