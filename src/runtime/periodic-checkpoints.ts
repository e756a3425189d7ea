import { asEngineError, type EngineError, ExternalError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";

/** How often a stream takes checkpoints by itself, and what may go wrong with them. */
export interface CheckpointSettings {
  /** From the start of one to the start of the next. */
  readonly intervalMs: number;
  /** From the end of one to the start of the next, at least. */
  readonly minPauseMs: number;
  /** How long the barriers may take through the job, and storing what they met, together. */
  readonly timeoutMs: number;
  /** How many may fail in a row before the job does. */
  readonly tolerableFailures: number;
}

/** Takes checkpoints at an interval, one after the other, until it is stopped or too many have failed in a row. */
export class PeriodicCheckpoints {
  readonly #host: Pick<Host, "clock" | "scheduler">;
  readonly #settings: CheckpointSettings;
  readonly #take: (timeoutMs: number) => Promise<unknown>;
  readonly #giveUp: (error: EngineError) => void;
  #cancel: () => void = () => undefined;
  #failures = 0;
  #isStopped = false;

  /** `take` takes one, and `giveUp` fails the job. */
  constructor(
    host: Pick<Host, "clock" | "scheduler">,
    settings: CheckpointSettings,
    take: (timeoutMs: number) => Promise<unknown>,
    giveUp: (error: EngineError) => void,
  ) {
    this.#host = host;
    this.#settings = settings;
    this.#take = take;
    this.#giveUp = giveUp;
    this.#schedule(settings.intervalMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #schedule(delayMs: number): void {
    this.#cancel = this.#host.scheduler.after(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    const { intervalMs, minPauseMs, timeoutMs, tolerableFailures } = this.#settings;
    const { clock } = this.#host;
    const startMs = clock.monotonicMs();
    try {
      await this.#take(timeoutMs);
      this.#failures = 0;
    } catch (thrown) {
      if (this.#isStopped) return;
      if (++this.#failures > tolerableFailures) {
        this.stop();
        this.#giveUp(failed(this.#failures, asEngineError(thrown)));
      }
    }
    if (this.#isStopped) return;
    this.#schedule(Math.max(minPauseMs, intervalMs - (clock.monotonicMs() - startMs)));
  }
}

const failed = (count: number, cause: EngineError): ExternalError =>
  new ExternalError(
    "CHECKPOINTS_FAILED",
    true,
    `${count === 1 ? "A checkpoint" : `${count} checkpoints in a row`} failed, which is more than the job tolerates: ${cause.message}`,
    "See to the cause, or raise tolerableFailures of enableCheckpointing.",
    { cause },
  );
