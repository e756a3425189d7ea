import type { Clock } from "../core/host.ts";

/** The part of a terminal stream that a progress line uses; `process.stderr` is one. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** How far a job is. Totals are absent where nobody knows them. */
export interface Progress {
  readonly rows: number;
  readonly bytes: number;
  readonly totalRows?: number;
  readonly totalBytes?: number;
}

export interface ProgressLineOptions {
  readonly stream: ProgressStream;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Environment variables; NO_PROGRESS with any text but "" turns the line off. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A job shorter than this shows nothing; default 500 ms. */
  readonly delayMs?: number;
  /** Time from one picture to the next; default 100 ms. */
  readonly intervalMs?: number;
}

const CLEAR_LINE = "\r\u001b[K";
const BAR_WIDTH = 20;
const DEFAULT_COLUMNS = 80;
/** Before this share is done, an estimate of the rest would jump about. */
const LEAST_SHARE_FOR_ETA = 0.02;

/**
 * One line on a terminal that shows how far a job is: share, rows, bytes, rate and remaining time.
 * It writes nothing where the stream is no terminal; `end` leaves no trace of it. Call `update` as often as you like.
 */
export class ProgressLine {
  readonly #options: ProgressLineOptions;
  readonly #isOn: boolean;
  readonly #startMs: number;
  #nextMs: number;
  #isShown = false;
  #isEnded = false;

  constructor(options: ProgressLineOptions) {
    const { stream, clock, environment = {}, delayMs = 500 } = options;
    this.#options = options;
    this.#isOn = stream.isTTY === true && (environment.NO_PROGRESS ?? "") === "" && environment.TERM !== "dumb";
    this.#startMs = clock.monotonicMs();
    this.#nextMs = this.#startMs + delayMs;
  }

  update(progress: Progress): void {
    if (!this.#isOn || this.#isEnded) return;
    const { stream, clock, intervalMs = 100 } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + intervalMs;
    const line = progressText(progress, nowMs - this.#startMs);
    // A line that wraps could not be cleared.
    stream.write(CLEAR_LINE + line.slice(0, (stream.columns ?? DEFAULT_COLUMNS) - 1));
    this.#isShown = true;
  }

  /** Takes the line away, so that something else can be printed; the next `update` shows it again. */
  clear(): void {
    if (this.#isShown) this.#options.stream.write(CLEAR_LINE);
    this.#isShown = false;
  }

  end(): void {
    this.clear();
    this.#isEnded = true;
  }
}

/** `━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌  50%  1.5 M rows  34.2 MB  1.2 M rows/s  2 s left`. */
export function progressText(progress: Progress, elapsedMs: number): string {
  const share = shareDone(progress);
  const seconds = Math.max(elapsedMs, 1) / 1000;
  const parts: string[] = [];
  if (share !== undefined) {
    const done = Math.round(share * BAR_WIDTH);
    parts.push(`${"━".repeat(done)}${"╌".repeat(BAR_WIDTH - done)}`, `${Math.floor(share * 100)}%`.padStart(4));
  }
  parts.push(`${shortCount(progress.rows)} rows`);
  if (progress.bytes > 0) parts.push(`${shortCount(progress.bytes)}B`);
  parts.push(`${shortCount(progress.rows / seconds)} rows/s`);
  if (share !== undefined && share >= LEAST_SHARE_FOR_ETA && share < 1) {
    parts.push(`${shortTime((seconds / share) * (1 - share))} left`);
  } else parts.push(shortTime(seconds));
  return parts.join("  ");
}

/** By bytes where their total is known, since rows of a source cost unlike; never above 1. */
function shareDone({ rows, bytes, totalRows, totalBytes }: Progress): number | undefined {
  if (totalBytes !== undefined && totalBytes > 0) return Math.min(1, bytes / totalBytes);
  if (totalRows !== undefined && totalRows > 0) return Math.min(1, rows / totalRows);
  return undefined;
}

const UNITS = ["", "k", "M", "G", "T", "P"];

/** 999 -> "999", 1500 -> "1.5 k", 250000 -> "250 k". */
function shortCount(count: number): string {
  let value = count;
  let unit = 0;
  // 999.5 would be printed as 1000.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return unit === 0 ? String(Math.round(value)) : `${value.toFixed(digits)} ${UNITS[unit]}`;
}

function shortTime(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}
