/** What the snapshot at hand has to hold, by marks. */
export interface MarksOfSnapshot {
  /** Marks from before the last snapshot still count; else they are dropped. */
  readonly joins: boolean;
  /** Whether marks tell what has changed: else all is to be written. */
  readonly isKnown: boolean;
}

/**
 * Decides which marks tell what has changed since the snapshot that the one at hand builds on. Whoever marks changes keeps
 * two sets: those since the last snapshot, and those before it, since the snapshot that the last one was built on. Until
 * the job says that a snapshot is complete, the next one has to hold its changes too.
 */
export class SnapshotLineage {
  #last: number | undefined;
  #base: number | undefined;

  /** False: no snapshot can build on what is marked now. */
  get isTracking(): boolean {
    return this.#last !== undefined;
  }

  /** Snapshot `number` is taken, which may build on the snapshot `since`. */
  next(number: number, since: number | undefined): MarksOfSnapshot {
    const last = this.#last;
    this.#last = number;
    if (since !== undefined && since === last) {
      this.#base = last;
      return { joins: false, isKnown: true };
    }
    return { joins: true, isKnown: since !== undefined && since === this.#base };
  }

  /** Marks are lost: the next snapshot is written whole. */
  forget(): void {
    this.#last = undefined;
    this.#base = undefined;
  }
}
