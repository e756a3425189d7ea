import type { Unread } from "../core/source.ts";

/** What a source of a stream has found and not read yet. */
export interface Backlog extends Unread {
  /** Splits that have not been read to their end: files, row groups, ranges. */
  readonly splits: number;
  /** Absent where a split does not know how many rows it has left. Conditions that the source applies may leave some out. */
  readonly rows?: number;
  /** Absent where a split does not know its bytes; of one that is being read, those behind the rows that were given, or all. */
  readonly bytes?: number;
}

/** All of them together: a number that one does not know, nobody knows. */
export function sumOfBacklogs(backlogs: readonly Backlog[]): Backlog {
  const [rows, bytes] = (["rows", "bytes"] as const).map((name) =>
    backlogs.reduce<number | undefined>((sum, { [name]: more }) => {
      return sum === undefined || more === undefined ? undefined : sum + more;
    }, 0),
  );
  return {
    splits: backlogs.reduce((sum, { splits }) => sum + splits, 0),
    ...(rows === undefined ? {} : { rows }),
    ...(bytes === undefined ? {} : { bytes }),
  };
}
