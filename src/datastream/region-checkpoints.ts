import { assert, JobCancelledError } from "../core/errors.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { type CommitWatch, type StoreCheckpoint, storeUntil } from "../runtime/checkpoint-store.ts";
import type { JobOptions } from "../runtime/engine.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import { uidsOf } from "../runtime/regions.ts";

export interface RegionCheckpointsOptions {
  readonly regions: readonly JobGraph[];
  /** What the whole job goes on from. */
  readonly restore: JobSnapshot | undefined;
  /** Makes checkpoints of the whole job durable. Absent: it takes none. */
  readonly keep: StoreCheckpoint | undefined;
  readonly commitWatch: CommitWatch | undefined;
  /** Takes a checkpoint of a region, if that runs. */
  readonly take: (region: number) => void;
}

/**
 * Makes checkpoints of a job out of those of its regions. Nothing travels between regions, so that any states of them go
 * together: each takes its checkpoints by itself, and the newest of all, put together, are a checkpoint of the job. For the
 * first one, every region is asked for its own; those that wait to be stored at the same time are stored together.
 */
export class RegionCheckpoints {
  readonly #options: RegionCheckpointsOptions;
  readonly #uids: readonly Set<string>[];
  /** By region, the newest that is part of a complete checkpoint. */
  readonly #kept: (JobSnapshot | undefined)[];
  /** Snapshots of regions that wait to be stored. */
  readonly #offers = new Map<number, JobSnapshot>();
  /** Regions that may have been stored with a checkpoint whose outcome is not known. */
  readonly #unsure = new Set<number>();
  #lastId: number;
  /** Of the newest checkpoint of the job, complete or not, */
  #lastStored: number;
  /** and of the newest that is complete. */
  #lastComplete: number;
  #isGivenUp = false;
  #endsAtOnce = false;
  #turn: Promise<unknown> = Promise.resolve();
  #onOffer: () => void = () => undefined;
  #offered: Promise<void>;

  constructor(options: RegionCheckpointsOptions) {
    this.#options = options;
    this.#uids = options.regions.map(uidsOf);
    this.#kept = options.regions.map(() => undefined);
    this.#lastId = options.restore?.checkpointId ?? 0;
    this.#lastStored = this.#lastId;
    this.#lastComplete = this.#lastId;
    this.#offered = this.#nextOffer();
  }

  /** For the run of a region; `onKept` hears of each of its snapshots that is part of a complete checkpoint. */
  optionsOf(
    region: number,
    onKept: (part: JobSnapshot) => void,
  ): Pick<JobOptions, "storeCheckpoint" | "commitWatch" | "nextCheckpointId"> {
    const { commitWatch } = this.#options;
    return {
      storeCheckpoint: async (snapshot, { signal }) => {
        await this.#store(region, snapshot, signal);
        onKept(snapshot);
      },
      nextCheckpointId: () => this.#nextId(),
      ...(commitWatch === undefined
        ? {}
        : {
            commitWatch: {
              before: () => this.#beforeCommit(),
              after: () => this.#inTurn(() => commitWatch.after(this.#lastComplete)),
            },
          }),
    };
  }

  /** What a region goes on from; of its own, the output is committed again. */
  async restoreOf(region: number): Promise<JobSnapshot | undefined> {
    if (this.#kept[region] !== undefined) await this.#beforeCommit();
    return this.newestOf(region);
  }

  /** What a region would go on from. */
  newestOf(region: number): JobSnapshot | undefined {
    return this.#kept[region] ?? this.#given(region);
  }

  /** Whether a newer snapshot of the region may have been stored than the one that it would go on from. */
  isUnsure(region: number): boolean {
    return this.#unsure.has(region);
  }

  /** One snapshot of the job, of one of each region. */
  whole(parts: readonly JobSnapshot[]): JobSnapshot {
    assert(parts.length === this.#kept.length, "every region has a snapshot");
    const [{ maxParallelism }] = parts;
    const isFinal = parts.every((part) => part.isFinal === true);
    return {
      checkpointId: Math.max(...parts.map(({ checkpointId }) => checkpointId)),
      maxParallelism,
      operators: Object.assign({}, ...parts.map(({ operators }) => operators)),
      ...(isFinal ? { isFinal } : {}),
    };
  }

  /**
   * Input is cut off everywhere: the last checkpoints of all regions are stored as one, since nobody could go on reading
   * behind one of them.
   */
  set endsAtOnce(is: boolean) {
    this.#endsAtOnce = is;
    this.#onOffer();
  }

  /** It can be asked for what others wait for. */
  onRunning(region: number): void {
    if (this.#offers.size > 0 && !this.#has(region)) this.#options.take(region);
  }

  /** What is kept is removed, and nothing is stored any more. */
  async giveUp<T>(remove: () => Promise<T>): Promise<T> {
    this.#isGivenUp = true;
    return this.#inTurn(remove);
  }

  /** Resolves when no snapshot of the region is being stored any more. */
  async settled(region: number): Promise<void> {
    if (this.isUnsure(region)) await this.#turn;
  }

  async #store(region: number, snapshot: JobSnapshot, signal: AbortSignal): Promise<void> {
    if (this.#options.keep === undefined) {
      this.#kept[region] = snapshot;
      return;
    }
    this.#offers.set(region, snapshot);
    this.#onOffer();
    for (const other of this.#kept.keys()) if (!this.#has(other)) this.#options.take(other);
    try {
      do await this.#untilStorable(region, signal);
      while (!(await this.#inTurn(() => this.#storeOffers(region, snapshot, signal))));
    } finally {
      if (this.#offers.get(region) === snapshot) this.#offers.delete(region);
    }
  }

  /** False where it cannot be stored any more as long as others have not gone on. */
  async #storeOffers(region: number, snapshot: JobSnapshot, signal: AbortSignal): Promise<boolean> {
    const { keep } = this.#options;
    if (this.#kept[region] === snapshot) return true; // it went with another one
    if (this.#isGivenUp) throw new JobCancelledError();
    signal.throwIfAborted();
    const storable = this.#storable();
    if (keep === undefined || storable?.offers.has(region) !== true) return false;
    const offers = [...storable.offers];
    const whole = this.whole(storable.parts);
    // Barriers of one region may have overtaken those of another: what is stored later is newer.
    const checkpointId = whole.checkpointId > this.#lastStored ? whole.checkpointId : this.#nextId();
    this.#lastStored = checkpointId;
    for (const [each] of offers) this.#unsure.add(each);
    // What is stored after all when nobody waits for it any longer is not known to be.
    await storeUntil(keep, { ...whole, checkpointId }, signal);
    this.#unsure.clear();
    this.#lastComplete = checkpointId;
    for (const [each, part] of offers) this.#kept[each] = part;
    return true;
  }

  /** What is committed is in the newest checkpoint of the job too, whichever it was stored with. */
  async #beforeCommit(): Promise<void> {
    await this.#inTurn(() => this.#options.commitWatch?.before(this.#lastComplete));
  }

  #has(region: number): boolean {
    return this.#offers.has(region) || this.#kept[region] !== undefined;
  }

  /** Of what waits to be stored, what may be; undefined where the rest does not make a whole job of it yet. */
  #storable(): { offers: ReadonlyMap<number, JobSnapshot>; parts: readonly JobSnapshot[] } | undefined {
    const withKept = (offers: ReadonlyMap<number, JobSnapshot>) =>
      this.#kept.map((kept, region) => offers.get(region) ?? kept).filter((part) => part !== undefined);
    const isLast = (part: JobSnapshot): boolean => part.isFinal === true;
    const all = withKept(this.#offers);
    const isHeld = this.#endsAtOnce && !all.every(isLast);
    const offers = isHeld ? new Map([...this.#offers].filter(([, part]) => !isLast(part))) : this.#offers;
    const parts = isHeld ? withKept(offers) : all;
    return parts.length === this.#kept.length ? { offers, parts } : undefined;
  }

  async #untilStorable(region: number, signal: AbortSignal): Promise<void> {
    const givenUp = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    givenUp.catch(() => undefined);
    while (this.#storable()?.offers.has(region) !== true) {
      signal.throwIfAborted();
      await Promise.race([this.#offered, givenUp]);
    }
  }

  #nextOffer(): Promise<void> {
    return new Promise((resolve) => {
      this.#onOffer = () => {
        this.#offered = this.#nextOffer();
        resolve();
      };
    });
  }

  #inTurn<T>(use: () => T | Promise<T>): Promise<T> {
    const used = this.#turn.then(use);
    this.#turn = used.catch(() => undefined);
    return used;
  }

  #nextId(): number {
    return ++this.#lastId;
  }

  /** Of what the job goes on from. */
  #given(region: number): JobSnapshot | undefined {
    const { restore } = this.#options;
    if (restore === undefined) return undefined;
    const own = Object.entries(restore.operators).filter(([uid]) => this.#uids[region].has(uid));
    return { ...restore, operators: Object.fromEntries(own) };
  }
}
