/** What the operators of one subtask have asked of its thread: processing time, or another turn. */
export class TimeRequests {
  /** Earliest time asked for, by position in the chain. */
  readonly #times = new Map<number, number>();
  readonly #woken = new Set<number>();

  /** Wall clock of the earliest request; infinity where there is none. */
  get earliestMs(): number {
    if (this.#woken.size > 0) return Number.NEGATIVE_INFINITY;
    let earliest = Number.POSITIVE_INFINITY;
    for (const atMs of this.#times.values()) earliest = Math.min(earliest, atMs);
    return earliest;
  }

  requestTime(position: number, atMs: number): void {
    const earlier = this.#times.get(position);
    if (earlier === undefined || atMs < earlier) this.#times.set(position, atMs);
  }

  wake(position: number): void {
    this.#woken.add(position);
  }

  /** The position of an operator whose time has come; its request is answered by that. */
  takeDue(nowMs: number): number | undefined {
    for (const [position, atMs] of this.#times) {
      if (atMs > nowMs) continue;
      this.#times.delete(position);
      return position;
    }
    return undefined;
  }

  takeWoken(): number | undefined {
    for (const position of this.#woken) {
      this.#woken.delete(position);
      return position;
    }
    return undefined;
  }
}
