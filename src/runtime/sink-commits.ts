import { EngineError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { Committable, Sink, SinkStart } from "../core/sink.ts";
import type { Workspace } from "../core/workspace.ts";
import { committablesIn, nameOfSink } from "./committables.ts";
import type { SinkResult } from "./messages.ts";
import { TableReader } from "./snapshots.ts";

const RETRIES = 3;
const FIRST_RETRY_MS = 100;

/** A sink of the job as the coordinating thread sees it. */
export interface CommittingSink {
  readonly id: number;
  readonly uid?: string | undefined;
  readonly sink: Sink;
}

/** What of one sink is known to be committed, and what may have to be. By the JSON text of the committables. */
interface Ledger extends CommittingSink {
  committed: ReadonlySet<string>;
  readonly open: Map<string, Committable>;
}

/** Commits what the sinks of a job have prepared: with each checkpoint of a stream, and at the end. */
export class SinkCommits {
  readonly #host: Host;
  readonly #workspace: Workspace;
  readonly #ledgers: readonly Ledger[];
  #read: { readonly snapshot?: JobSnapshot; readonly byUid: Map<string, readonly Committable[]> } = {
    byUid: new Map(),
  };

  constructor(host: Host, workspace: Workspace, sinks: readonly CommittingSink[]) {
    this.#host = host;
    this.#workspace = workspace;
    this.#ledgers = sinks.map((sink) => ({ ...sink, committed: new Set(), open: new Map() }));
  }

  /** How a run begins for one sink: from nothing, or from a checkpoint. */
  startOf(sink: number, restored: JobSnapshot | undefined): SinkStart {
    const { uid } = this.#ledgers.find(({ id }) => id === sink) ?? {};
    const name = nameOfSink({ id: sink, uid });
    const own = uid === undefined ? undefined : restored?.operators[uid];
    if (restored === undefined || own === undefined || restored.isSavepoint === true) return { name };
    const { checkpointId, maxParallelism } = restored;
    const only = { keyGroups: { start: 0, end: maxParallelism }, subtask: 0, parallelism: 1 };
    const workspace = this.#workspace;
    return { name, restored: { checkpointId, workspace, state: new TableReader(workspace, own, only) } };
  }

  /** A checkpoint is about to become complete: from now on a restored job may commit what it holds. */
  announce(snapshot: JobSnapshot): void {
    for (const ledger of this.#ledgers) {
      for (const committable of this.#in(snapshot, ledger)) {
        const text = JSON.stringify(committable);
        if (!ledger.committed.has(text)) ledger.open.set(text, committable);
      }
    }
  }

  /** Whether a checkpoint holds anything that is not known to be committed. */
  hasNew(snapshot: JobSnapshot): boolean {
    return this.#ledgers.some((ledger) =>
      this.#in(snapshot, ledger).some((each) => !ledger.committed.has(JSON.stringify(each))),
    );
  }

  /** Commits what a complete checkpoint holds. */
  async commit(snapshot: JobSnapshot): Promise<void> {
    const isBranch = snapshot.isSavepoint === true;
    for (const ledger of this.#ledgers) await this.#commit(ledger, this.#in(snapshot, ledger), { isBranch });
  }

  /** The job has succeeded; `results` are all that its writers have prepared, and some of it may be committed already. */
  async commitLast(results: readonly SinkResult[]): Promise<void> {
    for (const ledger of this.#ledgers) {
      const own = results.filter(({ sink }) => sink === ledger.id).map(({ committable }) => committable);
      await this.#commit(ledger, own, { isLast: true });
    }
  }

  /** What belongs to checkpoints that are, or may be, complete, and is not known to be committed. */
  kept(sink: number): Committable[] {
    return [...(this.#ledgers.find(({ id }) => id === sink)?.open.values() ?? [])];
  }

  /** The checkpoints are gone: nothing that is not committed will be. */
  giveUp(): void {
    for (const { open } of this.#ledgers) open.clear();
  }

  /** Of one snapshot it is asked several times. */
  #in(snapshot: JobSnapshot, { uid }: CommittingSink): readonly Committable[] {
    if (uid === undefined) return [];
    if (this.#read.snapshot !== snapshot) this.#read = { snapshot, byUid: new Map() };
    const known = this.#read.byUid.get(uid) ?? committablesIn(this.#workspace, snapshot, uid);
    this.#read.byUid.set(uid, known);
    return known;
  }

  async #commit(
    ledger: Ledger,
    committables: readonly Committable[],
    { isLast = false, isBranch = false }: { readonly isLast?: boolean; readonly isBranch?: boolean },
  ): Promise<void> {
    const fresh = committables.filter((each) => !ledger.committed.has(JSON.stringify(each)));
    if (fresh.length > 0 || isLast) await this.#retrying(() => ledger.sink.commit(fresh, isLast, isBranch));
    // Later checkpoints hold what this one held, or newer ones.
    ledger.committed = new Set(committables.map((each) => JSON.stringify(each)));
    for (const text of ledger.committed) ledger.open.delete(text);
  }

  async #retrying(commit: () => void | Promise<void>): Promise<void> {
    for (let retry = 0; ; retry++) {
      try {
        await commit();
        return;
      } catch (thrown) {
        if (!(thrown instanceof EngineError) || !thrown.retryable || retry === RETRIES) throw thrown;
      }
      await new Promise<void>((resolve) => {
        this.#host.scheduler.after(FIRST_RETRY_MS * 2 ** retry, resolve);
      });
    }
  }
}
