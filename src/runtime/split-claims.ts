import { assert } from "../core/errors.ts";
import type { Split } from "../core/source.ts";
import type { JobGraph, JobVertex } from "./job-graph.ts";

/** Per source vertex a flag for each of its splits (int32, 0 = free), which all threads share. */
export type JobClaims = ReadonlyMap<number, SharedArrayBuffer>;

export function claimsFor(graph: JobGraph): JobClaims {
  const claims = new Map<number, SharedArrayBuffer>();
  for (const { id, source } of graph.vertices) {
    if (source !== undefined) claims.set(id, new SharedArrayBuffer(4 * source.splits.length));
  }
  return claims;
}

/**
 * Gives out the splits of one source vertex on one thread; every split goes to one subtask of all threads.
 * A thread takes the splits that lie in its own memory first, in order, then those that lie nowhere, and at last, from
 * the end, what other threads have not come to. A vertex of one subtask reads in order.
 */
export class SplitClaims {
  readonly #claims: Int32Array;
  readonly #splits: readonly Split[];
  /** Indices of splits in the order of this thread's liking. */
  readonly #order: readonly number[];
  #next = 0;

  constructor(claims: JobClaims, vertex: Pick<JobVertex, "id" | "parallelism" | "source">, home: string) {
    const flags = claims.get(vertex.id);
    assert(flags !== undefined, `vertex ${vertex.id} is a source`);
    this.#claims = new Int32Array(flags);
    this.#splits = vertex.source?.splits ?? [];
    this.#order = vertex.parallelism === 1 ? [...this.#splits.keys()] : inOrderFor(home, this.#splits);
  }

  take(): Split | undefined {
    while (this.#next < this.#order.length) {
      const index = this.#order[this.#next++];
      if (Atomics.compareExchange(this.#claims, index, 0, 1) === 0) return this.#splits[index];
    }
    return undefined;
  }
}

function inOrderFor(home: string, splits: readonly Split[]): number[] {
  const own: number[] = [];
  const nowhere: number[] = [];
  const others: number[] = [];
  for (const [index, split] of splits.entries()) {
    if (split.home === home) own.push(index);
    else if (split.home === undefined) nowhere.push(index);
    else others.push(index);
  }
  return [...own, ...nowhere, ...others.reverse()];
}
