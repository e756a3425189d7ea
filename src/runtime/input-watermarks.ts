import { START_OF_TIME_MS } from "../core/time/time.ts";

/** ACTIVE inputs hold the event time back, IDLE ones do not for now, FINISHED ones never again. */
export type InputStatus = "ACTIVE" | "IDLE" | "FINISHED";

/** What is known of the event time of one channel or split. */
export interface InputTime {
  readonly status: InputStatus;
  /** START_OF_TIME_MS before its first watermark. */
  readonly watermarkMs: number;
  /** Wall clock when status or watermark last changed. */
  readonly sinceMs: number;
}

/**
 * The event time of an operator or source that reads several channels or splits: the least watermark of those that are
 * ACTIVE. It never goes back. When the last active one falls idle, the greatest watermark of the idle ones counts, so
 * that rows that came before are not held for ever; one that has finished does not count there, since its watermark
 * was the end of time. (Both rules are lessons of FLINK-38454 and FLINK-38477.)
 */
export class InputWatermarks {
  readonly #inputs: { status: InputStatus; watermarkMs: number; sinceMs: number }[] = [];
  readonly #nowMs: () => number;
  watermarkMs = START_OF_TIME_MS;

  constructor(count: number, nowMs: () => number) {
    this.#nowMs = nowMs;
    for (let i = 0; i < count; i++) this.add();
  }

  /** Before anything was heard of any input: the watermark does not go behind that of a run that was restored. */
  startAt(watermarkMs: number): void {
    this.watermarkMs = watermarkMs;
  }

  /**
   * Adds one that is active and counts from now on, with the watermark that it goes on from; `combine` then tells what
   * that makes of the whole. Returns its number, which may be that of one that has finished.
   */
  add(watermarkMs = START_OF_TIME_MS): number {
    const added = { status: "ACTIVE", watermarkMs, sinceMs: this.#nowMs() } as const;
    const finished = this.#inputs.findIndex(({ status }) => status === "FINISHED");
    if (finished < 0) return this.#inputs.push({ ...added }) - 1;
    this.#inputs[finished] = { ...added };
    return finished;
  }

  /** As an earlier run knew of one that was added; `combine` then tells what that makes of the whole. */
  restore(input: number, { status, watermarkMs }: Pick<InputTime, "status" | "watermarkMs">): void {
    Object.assign(this.#inputs[input], { status, watermarkMs });
  }

  get inputs(): readonly InputTime[] {
    return this.#inputs;
  }

  /** Of all: ACTIVE where one is, FINISHED where all are. */
  get status(): InputStatus {
    let status: InputStatus = "FINISHED";
    for (const input of this.#inputs) {
      if (input.status === "ACTIVE") return "ACTIVE";
      if (input.status === "IDLE") status = "IDLE";
    }
    return status;
  }

  /** Each returns whether `watermarkMs` has advanced. A watermark also makes its input active. */
  advance(input: number, watermarkMs: number): boolean {
    const entry = this.#inputs[input];
    const isNewer = watermarkMs > entry.watermarkMs;
    if (!isNewer && entry.status === "ACTIVE") return false;
    if (isNewer) entry.watermarkMs = watermarkMs;
    entry.status = "ACTIVE";
    entry.sinceMs = this.#nowMs();
    return this.combine();
  }

  activate(input: number): boolean {
    return this.#become(input, "ACTIVE");
  }

  idle(input: number): boolean {
    return this.#become(input, "IDLE");
  }

  finish(input: number): boolean {
    return this.#become(input, "FINISHED");
  }

  #become(input: number, status: InputStatus): boolean {
    const entry = this.#inputs[input];
    if (entry.status === status || entry.status === "FINISHED") return false;
    entry.status = status;
    entry.sinceMs = this.#nowMs();
    return this.combine();
  }

  /** Returns whether `watermarkMs` has advanced. */
  combine(): boolean {
    let least = Number.POSITIVE_INFINITY;
    let greatestIdle = START_OF_TIME_MS;
    for (const { status, watermarkMs } of this.#inputs) {
      if (status === "ACTIVE") least = Math.min(least, watermarkMs);
      else if (status === "IDLE") greatestIdle = Math.max(greatestIdle, watermarkMs);
    }
    const combined = least === Number.POSITIVE_INFINITY ? greatestIdle : least;
    if (combined <= this.watermarkMs) return false;
    this.watermarkMs = combined;
    return true;
  }
}
