// Keys that live for a time behind their last row, as readable loops. Numbers are safe integers; NEVER is a group that was
// never seen.

export const NEVER = Number.NEGATIVE_INFINITY;

export interface TimedKey {
  readonly group: number;
  readonly timeMs: number;
  readonly isBack?: boolean;
}

/** What `keyTimesRenew` says of the rows from `from` on; changes `times`. */
export function renewed(rows: readonly TimedKey[], from: number, ttlMs: number, times: number[]) {
  const expired: number[] = [];
  const seen = new Set<number>();
  const lessened = new Set<number>();
  let end = from;
  for (; end < rows.length; end++) {
    const { group, timeMs, isBack = false } = rows[end];
    const hasExpired = times[group] === NEVER || times[group] + ttlMs <= timeMs;
    if (hasExpired && seen.has(group)) break;
    // The key may have begun anew with this row, and is younger already.
    if (!hasExpired && lessened.has(group) && !isBack && timeMs < times[group]) break;
    if (hasExpired) expired.push(group);
    seen.add(group);
    if (isBack) lessened.add(group);
    times[group] = Math.max(times[group], timeMs);
  }
  return { end, expired };
}

/** The rows that begin their key, which they renew in `times`. */
export const first = (rows: readonly TimedKey[], ttlMs: number, times: number[]): number[] =>
  [...rows.keys()].filter((row) => {
    const { group, timeMs } = rows[row];
    if (times[group] !== NEVER && times[group] + ttlMs > timeMs) return false;
    times[group] = timeMs;
    return true;
  });

/** Places of accumulators: each group has the newest of those that are its. */
export class Places {
  readonly owners: number[] = [];

  /** The next places, for groups that begin, or begin anew. */
  give(groups: readonly number[]): void {
    this.owners.push(...groups);
  }

  placeOf(group: number): number {
    return this.owners.lastIndexOf(group);
  }

  /** Of the places [from, from + counts.length), counted from `from`: those that hold something which is still alive. */
  living(times: readonly number[], boundMs: number, from: number, counts: readonly number[]): number[] {
    return [...counts.keys()].filter((row) => {
      const group = this.owners[from + row];
      return this.placeOf(group) === from + row && counts[row] > 0 && times[group] > boundMs;
    });
  }
}
