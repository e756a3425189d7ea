/**
 * Temporal joins: which version of the row of its key was valid at the time of each row.
 *
 * Versions are numbered 0, 1, 2, ... as they come; keys are groups.
 *   current  u32 per group: the newest version + 1, or 0 where there is none or it was deleted
 */
const NO_ROW: u32 = 0xffffffff;
const UPDATE_BEFORE: i32 = 1;
const DELETE: i32 = 3;

/**
 * Goes through rows and versions in the order of time; of equal times versions come first.
 *   rowOrder, versionOrder  u32: numbers in the order of time
 *   rowTimes, newTimes      i64 by number
 *   rowGroups, newGroups    u32 by number
 *   newKinds   int8 row kinds of the versions by number, or 0 where all are inserts: a delete ends what was valid, an
 *              update-before says nothing, since the row that replaces it follows
 *   first      new version i has the number first + i
 *   times      i64 per version, the new ones included
 *   matches    u32 per row: the version that was valid, or NO_ROW
 * A version that is older than the newest of an earlier call says nothing. Returns by how much the number of keys with
 * a version grew.
 */
export function temporalSweep(
  rowOrder: usize,
  rowTimes: usize,
  rowGroups: usize,
  rowCount: i32,
  versionOrder: usize,
  newTimes: usize,
  newGroups: usize,
  newKinds: usize,
  versionCount: i32,
  first: u32,
  current: usize,
  times: usize,
  matches: usize,
): i32 {
  let grown: i32 = 0;
  let next: usize = 0;
  for (let i: usize = 0; i <= <usize>rowCount; i++) {
    const isEnd = i == <usize>rowCount;
    const row: usize = isEnd ? 0 : <usize>load<u32>(rowOrder + (i << 2));
    const until = isEnd ? i64.MAX_VALUE : load<i64>(rowTimes + (row << 3));
    for (; next < <usize>versionCount; next++) {
      const version = <usize>load<u32>(versionOrder + (next << 2));
      const time = load<i64>(newTimes + (version << 3));
      if (time > until) break;
      const kind = newKinds == 0 ? 0 : <i32>load<i8>(newKinds + version);
      if (kind == UPDATE_BEFORE) continue;
      const at = current + (<usize>load<u32>(newGroups + (version << 2)) << 2);
      const before = load<u32>(at);
      if (before != 0 && load<i64>(times + (<usize>(before - 1) << 3)) > time) continue;
      const now = kind == DELETE ? 0 : first + <u32>version + 1;
      grown += <i32>(now != 0) - <i32>(before != 0);
      store<u32>(at, now);
    }
    if (isEnd) break;
    // 0 - 1 is NO_ROW.
    store<u32>(matches + (row << 2), load<u32>(current + (<usize>load<u32>(rowGroups + (row << 2)) << 2)) - 1);
  }
  return grown;
}

/** The rows that have a version, and their versions, in order; returns how many. versions may be matches itself. */
export function temporalPairs(matches: usize, length: i32, rows: usize, versions: usize): i32 {
  let count: usize = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const version = load<u32>(matches + (row << 2));
    store<u32>(rows + (count << 2), <u32>row);
    store<u32>(versions + (count << 2), version);
    count += <usize>(version != NO_ROW);
  }
  return <i32>count;
}

/** The newest versions of groups [from, to) that have one; returns how many. rows: u32[to - from] */
export function temporalNewest(current: usize, from: u32, to: u32, rows: usize): i32 {
  let count: usize = 0;
  for (let group = <usize>from; group < <usize>to; group++) {
    const newest = load<u32>(current + (group << 2));
    store<u32>(rows + (count << 2), newest - 1);
    count += <usize>(newest != 0);
  }
  return <i32>count;
}
