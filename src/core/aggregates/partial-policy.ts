/** What the operator in front of an exchange does with the groups that it has so far. */
export type PartialStep =
  /** Goes on with them. */
  | "keep"
  /** Sends them on and starts anew. */
  | "emit"
  /** Sends them on, and rows ungrouped from then on until `isPassing` ends. */
  | "pass";

export interface PartialPolicyOptions {
  /** Rows that will come in all, if anybody knows; a guess is good enough. */
  readonly expectedRows?: number;
  /** Up to this size a table stays in cache and is kept, whatever it saves. */
  readonly cacheBytes?: number;
  /** No table beyond the cache grows much larger than this. */
  readonly maximumBytes?: number;
  /** Groups per row up to which a table in cache pays. */
  readonly emittedShare?: number;
  /** Rows that pass ungrouped before grouping is tried again. */
  readonly passedRows?: number;
}

const CACHE_BYTES = 8 * 1024 * 1024;
const PASSED_ROWS = 2 ** 21;
/** Groups per row at the end up to which a table beyond the cache pays: each row in it costs about a fifth of one sent. */
const KEPT_SHARE = 0.2;
const EMITTED_SHARE = 0.6;
/** Without knowledge the input goes on for as long as it has lasted, and at least this many times the table's rows. */
const LASTING = 16;
/** So many times more groups than foreseen refute the estimate. */
const REFUTED = 1.5;

/**
 * Decides whether grouping before an exchange is worth its while, from how many rows made new groups so far.
 *
 * Were keys drawn at random from D values, a row would meet a known one with probability groups / D: the rows since the
 * last look thus tell D, and D how many groups there will be at the end. Few of them for the rows to come: the table is
 * kept, however large it is by now. Otherwise, or where D turns out wrong since keys come in runs, a table in cache still
 * joins rows that lie near each other; and where even that saves little, rows pass.
 */
export class PartialPolicy {
  readonly #options: Required<Omit<PartialPolicyOptions, "expectedRows">> & PartialPolicyOptions;
  /** Rows seen in all. */
  #rows = 0;
  /** Rows of the present table. */
  #tableRows = 0;
  #nextLookBytes: number;
  #lastLook = { rows: 0, groups: 0 };
  #foreseenKeys = Number.POSITIVE_INFINITY;
  /** Equal keys lie near each other: larger tables save no more than small ones. */
  #isInRuns = false;
  #passingRows = 0;

  constructor(options: PartialPolicyOptions = {}) {
    this.#options = {
      cacheBytes: CACHE_BYTES,
      maximumBytes: Number.POSITIVE_INFINITY,
      emittedShare: EMITTED_SHARE,
      passedRows: PASSED_ROWS,
      ...options,
    };
    this.#nextLookBytes = this.#options.cacheBytes;
  }

  /** Whether the next batch goes on ungrouped. */
  get isPassing(): boolean {
    return this.#passingRows > 0;
  }

  /** Rows went on ungrouped. */
  passed(rowCount: number): void {
    this.#rows += rowCount;
    this.#passingRows -= rowCount;
  }

  /** Rows were grouped: the table now has `groupCount` groups in `byteLength` bytes. Emitting it is the caller's part. */
  grouped(rowCount: number, groupCount: number, byteLength: number): PartialStep {
    this.#rows += rowCount;
    this.#tableRows += rowCount;
    if (byteLength < this.#nextLookBytes) return "keep";
    if (this.#isWorthKeeping(groupCount, byteLength)) {
      this.#nextLookBytes = byteLength * 2;
      return "keep";
    }
    const isPoor = groupCount > this.#tableRows * this.#options.emittedShare;
    if (isPoor) this.#passingRows = this.#options.passedRows;
    this.restart();
    return isPoor ? "pass" : "emit";
  }

  /** The table was emptied. */
  restart(): void {
    this.#tableRows = 0;
    this.#lastLook = { rows: 0, groups: 0 };
    this.#foreseenKeys = Number.POSITIVE_INFINITY;
    this.#nextLookBytes = this.#options.cacheBytes;
  }

  #isWorthKeeping(groupCount: number, byteLength: number): boolean {
    if (groupCount > this.#foreseenKeys * REFUTED) this.#isInRuns = true;
    if (this.#isInRuns) return false;
    const keys = this.#keysSeenThrough(groupCount);
    this.#lastLook = { rows: this.#tableRows, groups: groupCount };
    this.#foreseenKeys = keys;
    const rowsAtEnd = this.#tableRows + this.#rowsToCome();
    // Infinitely many keys: every row makes a group.
    const groupsAtEnd = keys === Number.POSITIVE_INFINITY ? rowsAtEnd : keys * -Math.expm1(-rowsAtEnd / keys);
    const bytesAtEnd = (byteLength * Math.max(groupsAtEnd, groupCount)) / groupCount;
    return groupsAtEnd <= rowsAtEnd * KEPT_SHARE && bytesAtEnd <= this.#options.maximumBytes;
  }

  /** How many keys there seem to be, by the share of the rows since the last look that met a known one. */
  #keysSeenThrough(groupCount: number): number {
    const { rows, groups } = this.#lastLook;
    const known = 1 - (groupCount - groups) / (this.#tableRows - rows);
    const groupsMeanwhile = (groups + groupCount) / 2;
    return Math.max(groupCount, known <= 0 ? Number.POSITIVE_INFINITY : groupsMeanwhile / known);
  }

  #rowsToCome(): number {
    const { expectedRows = 0 } = this.#options;
    return expectedRows > this.#rows ? expectedRows - this.#rows : Math.max(this.#rows, this.#tableRows * LASTING);
  }
}
