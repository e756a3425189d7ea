import { asEngineError, assert, type EngineError } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { type StoreCheckpoint, storeUntil } from "../runtime/checkpoint-store.ts";

export interface JointSavepointOptions {
  /** How many regions the job has. */
  readonly regions: number;
  /** Puts their parts together, in the order of regions. */
  readonly whole: (parts: readonly JobSnapshot[]) => JobSnapshot;
  readonly store: StoreCheckpoint;
  /** The job is cancelled, or fails as a whole. */
  readonly signal: AbortSignal;
  /** Every part is there, and is about to be stored, */
  readonly onStoring?: () => void;
  /** which has failed. */
  readonly onFailed?: () => void;
}

/** One savepoint of all regions of a job: each waits with its part until all are stored as one, and fails where that does. */
export class JointSavepoint {
  readonly #options: JointSavepointOptions;
  readonly #parts: (JobSnapshot | undefined)[];
  #stored: JobSnapshot | undefined;
  #resolve: () => void = () => undefined;
  #reject: (error: EngineError) => void = () => undefined;
  readonly #allStored: Promise<void>;

  constructor(options: JointSavepointOptions) {
    this.#options = options;
    this.#parts = Array.from({ length: options.regions }, () => undefined);
    this.#allStored = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#allStored.catch(() => undefined);
  }

  /** What a region that runs has to store. */
  storePartOf(region: number): StoreCheckpoint {
    return async (part, { signal }) => {
      this.add(region, part);
      await storeUntil(() => this.#allStored, part, signal);
    };
  }

  /** The part of a region: of one that has ended, its last. */
  add(region: number, part: JobSnapshot): void {
    this.#parts[region] = part;
    const parts = this.#parts.filter((each) => each !== undefined);
    if (parts.length < this.#options.regions || this.#stored !== undefined) return;
    const { whole, store, signal, onStoring, onFailed } = this.#options;
    this.#stored = whole(parts);
    onStoring?.();
    storeUntil(store, this.#stored, signal).then(this.#resolve, (thrown: unknown) => {
      onFailed?.();
      this.#reject(asEngineError(thrown));
    });
  }

  /** A region has no part to give. */
  fail(error: EngineError): void {
    this.#reject(error);
  }

  /** What was stored, once it is. @throws {EngineError} what that, or a region, has failed with */
  async stored(): Promise<JobSnapshot> {
    await this.#allStored;
    assert(this.#stored !== undefined, "a savepoint is stored");
    return this.#stored;
  }
}
