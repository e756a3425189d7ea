import { assert } from "../core/errors.ts";
import type { JobSnapshot, TableState } from "../core/job-snapshot.ts";
import type { TableSnapshot } from "../core/snapshot-tables.ts";
import type { LeastValue, StateKind } from "../core/state-snapshot.ts";
import type { SubtaskSnapshot } from "./snapshots.ts";

/** What is kept of one table of one subtask: how it was written whole, and what has changed since, oldest first. */
interface KeptPart {
  readonly bytes: Uint8Array;
  readonly unit: readonly string[];
  readonly changes: readonly Uint8Array[];
  readonly least?: LeastValue | undefined;
}

interface Joined {
  readonly checkpointId: number;
  /** By subtask, step and table. */
  readonly parts: ReadonlyMap<string, KeptPart>;
}

/** Puts the snapshots of all subtasks together, with those on which they build. */
export class JoinedSnapshots {
  readonly #maxParallelism: number;
  readonly #isBuiltOn: boolean;
  /** The newest that is complete. */
  #complete: Joined | undefined;
  /** The newest that was put together. */
  #newest: Joined | undefined;

  /** `isBuiltOn`: checkpoints may hold changes, for which the newest is kept here. */
  constructor(maxParallelism: number, isBuiltOn: boolean) {
    this.#maxParallelism = maxParallelism;
    this.#isBuiltOn = isBuiltOn;
  }

  /** The checkpoint on which the next one may build. */
  get since(): number | undefined {
    return this.#complete?.checkpointId;
  }

  join(checkpointId: number, subtasks: readonly SubtaskSnapshot[]): JobSnapshot {
    const tables = new Map<string, Map<string, { kind: StateKind; parts: KeptPart[] }>>();
    const kept = new Map<string, KeptPart>();
    for (const { subtask, operators } of [...subtasks].sort((a, b) => a.subtask - b.subtask)) {
      for (const { uid, tables: written } of operators) {
        const ofOperator = tables.get(uid) ?? new Map<string, { kind: StateKind; parts: KeptPart[] }>();
        tables.set(uid, ofOperator);
        for (const table of written) {
          const place = JSON.stringify([subtask, uid, table.name]);
          const part = this.#partOf(place, table);
          kept.set(place, part);
          const entry = ofOperator.get(table.name) ?? { kind: table.kind, parts: [] };
          ofOperator.set(table.name, entry);
          entry.parts.push(part);
        }
      }
    }
    if (this.#isBuiltOn) this.#newest = { checkpointId, parts: kept };
    const operators = [...tables].map(([uid, ofOperator]) => {
      const states = [...ofOperator].map(([name, { kind, parts }]) => [name, tableState(kind, parts)] as const);
      return [uid, { tables: Object.fromEntries(states) }] as const;
    });
    return { checkpointId, maxParallelism: this.#maxParallelism, operators: Object.fromEntries(operators) };
  }

  /** The one that was put together last is complete. */
  onComplete(checkpointId: number): void {
    if (this.#newest?.checkpointId === checkpointId) this.#complete = this.#newest;
  }

  #partOf(place: string, { bytes, changes }: TableSnapshot): KeptPart {
    if (changes === undefined) return { bytes, unit: [], changes: [] };
    const { since, unit, least } = changes;
    const before = this.#complete?.checkpointId === since ? this.#complete.parts.get(place) : undefined;
    assert(before !== undefined, "what a snapshot builds on is complete");
    return { bytes: before.bytes, unit, changes: [...before.changes, bytes], least };
  }
}

function tableState(kind: StateKind, parts: readonly KeptPart[]): TableState {
  const whole = { kind, parts: parts.map(({ bytes }) => bytes) };
  const unit = parts.find(({ changes }) => changes.length > 0)?.unit;
  if (unit === undefined) return whole;
  const changes = { unit, ofParts: parts.map((part) => part.changes) };
  if (parts.every(({ least }) => least === undefined)) return { ...whole, changes };
  return { ...whole, changes: { ...changes, leastOfParts: parts.map(({ least }) => least) } };
}
