import { ExternalError } from "../../core/errors.ts";
import type { Committable, Sink, SinkContext, SinkSpec, SinkStart, SinkWriter } from "../../core/sink.ts";
import type { FaultKind } from "../fault-plan.ts";
import type { StoreClient } from "./transactional-store.ts";

const COMMIT_FAULTS: readonly FaultKind[] = ["refused", "rejected", "ack-lost", "slow"];
const DEFAULT_SLOW_MS = 50;

/** A sink of somebody else's whose commits fail, are slow, and lose their answers. */
export class FaultySink implements Sink {
  readonly spec: SinkSpec;
  readonly description: string;
  readonly staysWithCaller = true;
  readonly acceptsUpdates: boolean;
  readonly #sink: Sink;
  readonly #client: StoreClient;

  constructor(sink: Sink, client: StoreClient) {
    this.#sink = sink;
    this.#client = client;
    this.spec = sink.spec;
    this.description = sink.description;
    this.acceptsUpdates = sink.acceptsUpdates === true;
  }

  begin(jobId: string, start: SinkStart): void | Promise<void> {
    return this.#sink.begin(jobId, start);
  }

  createWriter(context: SinkContext): SinkWriter {
    return this.#sink.createWriter(context);
  }

  async commit(committables: readonly Committable[], isLast?: boolean, isBranch?: boolean): Promise<void> {
    const { event, host } = this.#client;
    const fault = event("sink.commit", this.description, COMMIT_FAULTS);
    if (fault?.kind === "refused" || fault?.kind === "rejected") throw failed(fault.kind === "rejected");
    if (fault?.kind === "slow") {
      await new Promise<void>((resolve) => void host.scheduler.after(fault.amount ?? DEFAULT_SLOW_MS, resolve));
    }
    await this.#sink.commit(committables, isLast, isBranch);
    if (fault?.kind === "ack-lost") throw failed(true);
    event("sink.committed", this.description, []);
  }

  abort(committables: readonly Committable[], kept?: readonly Committable[]): void | Promise<void> {
    this.#client.event("sink.abort", this.description, []);
    return this.#sink.abort(committables, kept);
  }
}

const failed = (retryable: boolean): ExternalError =>
  new ExternalError(
    "SINK_UNAVAILABLE",
    retryable,
    "A commit failed, or its answer was lost, as the test asked.",
    "Take the outcome of the commit for unknown.",
  );
