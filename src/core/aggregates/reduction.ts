export interface ReductionOptions {
  /** Groups per row beyond which combining costs more than it saves. */
  readonly poorShare?: number;
  /** Rows to judge by. */
  readonly lookRows?: number;
  /** Rows that pass uncombined before combining is tried again. */
  readonly passedRows?: number;
}

/**
 * Decides whether rows of a stream are worth combining before they are sent on, from what it has saved so far. Unlike
 * `PartialPolicy` it does not say when to send: groups leave as event time goes on, and what is judged is what has left.
 */
export class Reduction {
  readonly #options: Required<ReductionOptions>;
  #rows = 0;
  #groups = 0;
  #passingRows = 0;

  constructor({ poorShare = 0.5, lookRows = 2 ** 15, passedRows = 2 ** 20 }: ReductionOptions = {}) {
    this.#options = { poorShare, lookRows, passedRows };
  }

  /** Whether the next batch goes on as it is. */
  get isPassing(): boolean {
    return this.#passingRows > 0;
  }

  passed(rowCount: number): void {
    this.#passingRows -= rowCount;
  }

  combined(rowCount: number): void {
    this.#rows += rowCount;
  }

  /** Groups were sent on. */
  sent(groupCount: number): void {
    const { poorShare, lookRows, passedRows } = this.#options;
    this.#groups += groupCount;
    if (this.#rows < lookRows) return;
    if (this.#groups > this.#rows * poorShare) this.#passingRows = passedRows;
    this.#rows = 0;
    this.#groups = 0;
  }
}
