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
 * - `delay`: a message waits `amount` milliseconds of virtual time (default 1000), and those behind it with it;
 * - `cut`: the link that sends holds its messages back, in both directions, until `simulation.links.heal`.
 */
export type FaultKind =
  | "crash"
  | "kill"
  | "thread-dies"
  | "io-error"
  | "disk-full"
  | "sync-lost"
  | "bit-flip"
  | "delay"
  | "cut";

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

  /** Counts the event; the fault that strikes it, of the kinds that it can have. */
  hit(label: string, path: string, possible: readonly FaultKind[]): Fault | undefined {
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
      if (possible.includes(fault.kind)) struck = fault;
    }
    if (struck !== undefined) this.struck.push(struck);
    return struck;
  }
}
