import { ExternalError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { FaultKind } from "../fault-plan.ts";
import type { OnEvent } from "../simulation.ts";

/** A row that was written, with what it does in a changelog: 1 adds it, -1 takes it back. */
export interface WrittenRow {
  readonly row: Record<string, unknown>;
  readonly change: 1 | -1;
}

interface Transaction {
  readonly output: string;
  readonly job: string;
  readonly rows: readonly WrittenRow[];
  state: "prepared" | "committed" | "aborted";
}

/** The process that talks to the store: it may have died, or die in the middle. */
export interface StoreClient {
  readonly host: Host;
  readonly event: OnEvent;
}

/** A request that is on its way, though whoever sent it has given it up. */
interface LateRequest {
  readonly id: string;
  behind: number;
}

const COMMIT_FAULTS: readonly FaultKind[] = ["refused", "rejected", "ack-lost", "slow", "late"];
const DEFAULT_SLOW_MS = 50;
const DEFAULT_LATE_BEHIND = 1;

/**
 * An outside system with transactions, such as a database: it outlives crashes of the machine, holds what was prepared
 * until that is committed or aborted, and its answers may come late, wrong or never. A commit of what is committed
 * already changes nothing; one of what was aborted is an error for good.
 */
export class TransactionalStore {
  readonly #transactions = new Map<string, Transaction>();
  readonly #late: LateRequest[] = [];
  #count = 0;

  /** Called when rows of an output become visible. */
  onCommitted: (output: string, rows: readonly WrittenRow[]) => void = () => undefined;

  /** Rows on stable storage, which nobody sees yet; gives the id of their transaction. */
  prepare({ event }: StoreClient, output: string, job: string, rows: readonly WrittenRow[]): string {
    event("sink.prepare", output, []);
    this.#arrive();
    const id = `t${++this.#count}`;
    this.#transactions.set(id, { output, job, rows, state: "prepared" });
    return id;
  }

  /** Resolves when the rows are visible. */
  async commit({ event, host }: StoreClient, id: string): Promise<void> {
    const fault = event("sink.commit", `${this.#transactions.get(id)?.output ?? ""} ${id}`, COMMIT_FAULTS);
    this.#arrive();
    switch (fault?.kind) {
      case "refused":
        throw unavailable("refused the commit", false);
      case "rejected":
        throw unavailable("rejected the commit", true);
      case "late":
        this.#late.push({ id, behind: fault.amount ?? DEFAULT_LATE_BEHIND });
        throw unavailable("did not answer in time", true);
      case "slow":
        await new Promise<void>((resolve) => void host.scheduler.after(fault.amount ?? DEFAULT_SLOW_MS, resolve));
        this.#apply(id);
        break;
      case "ack-lost":
        this.#apply(id);
        throw unavailable("broke off the connection before it answered", true);
      default:
        this.#apply(id);
    }
    event("sink.committed", id, []);
  }

  /** What a job has prepared for an output and nobody may commit any more. */
  abort({ event }: StoreClient, output: string, job: string, kept: ReadonlySet<string>): void {
    event("sink.abort", output, []);
    this.#arrive();
    for (const [id, transaction] of this.#transactions) {
      const isMeant = transaction.output === output && transaction.job === job && !kept.has(id);
      if (isMeant && transaction.state === "prepared") transaction.state = "aborted";
    }
  }

  /** Requests that are still on their way arrive: nothing happens after that. */
  settle(): void {
    while (this.#late.length > 0) this.#arrive();
  }

  /** Everything that is visible, by output. */
  committed(): Map<string, WrittenRow[]> {
    const outputs = new Map<string, WrittenRow[]>();
    for (const { output, rows, state } of this.#transactions.values()) {
      const visible = outputs.get(output) ?? [];
      if (state === "committed") visible.push(...rows);
      outputs.set(output, visible);
    }
    return outputs;
  }

  #arrive(): void {
    for (const request of [...this.#late]) {
      if (request.behind-- > 0) continue;
      this.#late.splice(this.#late.indexOf(request), 1);
      // Who sent it hears nothing: what came of it matters to the store alone.
      if (this.#transactions.get(request.id)?.state === "prepared") this.#apply(request.id);
    }
  }

  #apply(id: string): void {
    const transaction = this.#transactions.get(id);
    if (transaction === undefined || transaction.state === "aborted") {
      throw new ExternalError(
        "SINK_TRANSACTION_LOST",
        false,
        `The transaction ${id} was to be committed, but ${transaction === undefined ? "nobody has prepared it" : "it was aborted"}.`,
        "Abort nothing that belongs to a checkpoint which a job may be restored from.",
      );
    }
    if (transaction.state === "committed") return;
    transaction.state = "committed";
    this.onCommitted(transaction.output, transaction.rows);
  }
}

const unavailable = (what: string, retryable: boolean): ExternalError =>
  new ExternalError(
    "SINK_UNAVAILABLE",
    retryable,
    `The simulated sink ${what}, as the test asked.`,
    "Take the outcome of the commit for unknown.",
  );
