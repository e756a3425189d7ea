/**
 * The numbers that attempts of one job in one process have claimed in a directory of checkpoints, or may have: a claim
 * that failed may have been made all the same.
 */
export class OwnAttempts {
  readonly #numbers = new Set<number>();

  add(attempt: number): void {
    this.#numbers.add(attempt);
  }

  delete(attempt: number): void {
    this.#numbers.delete(attempt);
  }

  /** The attempt of the job that another process has replaced, where the newest number is not of this job. */
  replacedBy(newest: number): number | undefined {
    if (this.#numbers.has(newest)) return undefined;
    const older = [...this.#numbers].filter((attempt) => attempt < newest);
    return older.length === 0 ? undefined : Math.max(...older);
  }
}
