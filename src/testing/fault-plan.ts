/**
 * What goes wrong:
 * - `crash`: the power fails before the event takes effect: the disk keeps what was synced (any event);
 * - `kill`: the process ends there, and the disk keeps all that was written (any event);
 * - `thread-dies`: the thread that reached the event ends (any event of a spawned thread);
 * - `io-error`: the event fails with FILE_IO (files and named points);
 * - `disk-full`: a write fails with DISK_FULL after `amount` of its bytes (default 0);
 * - `sync-lost`: a sync fails and the operating system forgets the unsynced writes: a later sync does not save them,
 *   as Linux does (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020);
 * - `bit-flip`: a read brings one wrong bit, at bit `amount` of what was read (default: the tape decides);
 * - `clock-jump`: the wall clock jumps by `amount` milliseconds, forward or back (default an hour; any event);
 * - `delay`: a message waits `amount` milliseconds of virtual time (default 1000), and those behind it with it;
 * - `cut`: the link that sends holds its messages back, in both directions, for `amount` milliseconds, or without one
 *   until `simulation.links.heal`;
 * - `zombie`, `cancel`, `stop`, `rot`, `refused`, `rejected`, `ack-lost`, `slow`, `late`: of `faults.check` alone, see
 *   docs/prove-exactly-once.md.
 */
export type FaultKind =
  | "crash"
  | "kill"
  | "thread-dies"
  | "io-error"
  | "disk-full"
  | "sync-lost"
  | "bit-flip"
  | "clock-jump"
  | "delay"
  | "cut"
  | CheckedFaultKind;

/**
 * What only a check of a whole job knows:
 * - `zombie`: the job is taken for dead and started anew, while the old run goes on (any event);
 * - `cancel`: the job is cancelled, and started anew (any event);
 * - `stop`: the job is stopped with a savepoint, and goes on from there in a new directory (any event);
 * - `rot`: a bit of a stored checkpoint flips before the job starts anew (`attempt.start`);
 * - `refused`, `rejected`: a commit fails without effect, and may or may not be tried again (`sink.commit`);
 * - `ack-lost`: a commit takes effect, and its answer is lost (`sink.commit`);
 * - `slow`: a commit takes effect after `amount` milliseconds (`sink.commit`);
 * - `late`: a commit seems to have failed, and takes effect behind `amount` later requests (`sink.commit`).
 */
export type CheckedFaultKind = FaultRequest | "rot" | "refused" | "rejected" | "ack-lost" | "slow" | "late";

/** What whoever drives the machine brings about. */
export type FaultRequest = "zombie" | "cancel" | "stop";

export const isRequest = (kind: FaultKind | undefined): kind is FaultRequest =>
  kind === "zombie" || kind === "cancel" || kind === "stop";

export interface Fault {
  /** The event: a name given to `host.crashPoint`, or "disk.write", "disk.sync", "disk.rename", "link.send", ... */
  readonly label: string;
  /** Which time the event happens: 0 is the first. */
  readonly nth: number;
  readonly kind: FaultKind;
  /** Only events whose path (or name of a link) contains this count. */
  readonly path?: string;
  readonly amount?: number;
}

/** Counts events and says which of them fail. */
export class FaultPlan {
  readonly #pending: { readonly fault: Fault; remaining: number }[];
  /** How often each event has happened. */
  readonly hits = new Map<string, number>();
  /** Faults that have struck, in order. */
  readonly struck: Fault[] = [];

  constructor(faults: readonly Fault[]) {
    this.#pending = faults.map((fault) => ({ fault, remaining: fault.nth }));
  }

  /** Faults may be added while a simulation runs; `nth` counts from now on. */
  add(fault: Fault): void {
    this.#pending.push({ fault, remaining: fault.nth });
  }

  /** Counts the event; the fault that strikes it, of the kinds that it can have: those of its own, and of any event. */
  hit(
    label: string,
    path: string,
    possible: readonly FaultKind[],
    anywhere: readonly FaultKind[] = [],
  ): Fault | undefined {
    this.hits.set(label, (this.hits.get(label) ?? 0) + 1);
    let struck: Fault | undefined;
    for (let i = 0; i < this.#pending.length; i++) {
      const entry = this.#pending[i];
      const { fault } = entry;
      if (fault.label !== label || (fault.path !== undefined && !path.includes(fault.path))) continue;
      if (entry.remaining-- > 0) continue;
      if (struck !== undefined) {
        entry.remaining = 0; // strikes the next time
        continue;
      }
      this.#pending.splice(i--, 1);
      // A kind that the event cannot have is no fault: generated plans need not know which fits where.
      if (possible.includes(fault.kind) || anywhere.includes(fault.kind)) struck = fault;
    }
    if (struck !== undefined) this.struck.push(struck);
    return struck;
  }
}
