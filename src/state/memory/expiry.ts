import type { StateTtl } from "../../core/state/descriptors.ts";
import type { StateClock } from "../../core/state/keyed-backend.ts";
import { START_OF_TIME_MS } from "../../core/time/time.ts";

/** Decides when what was renewed at some time has expired. NaN stands for a time that is not known: it never has. */
export class Expiry {
  readonly renewsOnRead: boolean;
  /** False: what was not freed yet may still be seen. */
  readonly hides: boolean;
  readonly #ttlMs: number;
  readonly #isEventTime: boolean;
  readonly #clock: StateClock;

  constructor(ttl: StateTtl, clock: StateClock) {
    this.#ttlMs = ttl.ttlMs;
    this.#isEventTime = ttl.timeDomain === "event";
    this.renewsOnRead = ttl.updateOn === "read-and-write";
    this.hides = ttl.visibility !== "until-cleanup";
    this.#clock = clock;
  }

  /** The time at which a function reads or writes now. */
  nowMs(): number {
    return this.#isEventTime ? this.#clock.eventTimeMs() : this.#clock.processingTimeMs();
  }

  isVisible(updatedAtMs: number, nowMs: number): boolean {
    return !this.hides || !(updatedAtMs + this.#ttlMs <= nowMs);
  }

  /** Renewed now; rows that come out of order make nothing older. */
  renewed(updatedAtMs: number | undefined, nowMs: number): number {
    return updatedAtMs !== undefined && this.#isEventTime && updatedAtMs > nowMs ? updatedAtMs : nowMs;
  }

  /** The time up to which nothing is seen any more. */
  freeableMs(): number {
    return this.#isEventTime ? this.#clock.watermarkMs() : this.#clock.processingTimeMs();
  }

  isFreeable(updatedAtMs: number, freeableMs: number): boolean {
    return freeableMs > START_OF_TIME_MS && updatedAtMs + this.#ttlMs <= freeableMs;
  }
}
