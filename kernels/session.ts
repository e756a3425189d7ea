/**
 * Sessions of keys: intervals [start, end) of i64 epoch milliseconds, of which no two of one key overlap.
 *   local session, 32 bytes  { i64 start, i64 end, u32 key, u32 early rows, i32 node, u32 rows }
 *   node, 32 bytes           { i64 start, i64 end, u32 key, i32 next, u32 state, u32 unused }
 * Node i belongs to group i of the aggregates. The open nodes of a key are a list from heads[key], ended by -1; an
 * alias is a node whose session was joined to that of node `next`.
 */
const DEAD: u32 = 0;
const OPEN: u32 = 1;
const FIRED: u32 = 2;
const ALIAS: u32 = 3;
const RECORD: usize = 32;
const SHORT_RUN: usize = 24;

/** Sorts rows u32[count] by their times, stable; scratch: u32[count] */
function sortByTime(rows: usize, count: usize, times: usize, scratch: usize): void {
  for (let from: usize = 0; from < count; from += SHORT_RUN) {
    const to = min(from + SHORT_RUN, count);
    for (let i = from + 1; i < to; i++) {
      const row = load<u32>(rows + (i << 2));
      const time = load<i64>(times + (<usize>row << 3));
      let at = i;
      while (at > from) {
        const before = load<u32>(rows + ((at - 1) << 2));
        if (load<i64>(times + (<usize>before << 3)) <= time) break;
        store<u32>(rows + (at << 2), before);
        at--;
      }
      store<u32>(rows + (at << 2), row);
    }
  }
  for (let width = SHORT_RUN; width < count; width <<= 1) {
    for (let from: usize = 0; from + width < count; from += width << 1) {
      const middle = from + width;
      const end = min(middle + width, count);
      memory.copy(scratch, rows + (from << 2), width << 2);
      let left: usize = 0;
      let right = middle;
      let out = from;
      while (left < width) {
        const first = load<u32>(scratch + (left << 2));
        if (right < end) {
          const second = load<u32>(rows + (right << 2));
          if (load<i64>(times + (<usize>second << 3)) < load<i64>(times + (<usize>first << 3))) {
            store<u32>(rows + (out++ << 2), second);
            right++;
            continue;
          }
        }
        store<u32>(rows + (out++ << 2), first);
        left++;
      }
    }
  }
}

/**
 * Sorts the rows of each key by time, stable.
 *   rows     u32[length], by key (see partitionRows), and where each key's rows end: ends u32[keyCount]
 *   scratch  u32[length]
 */
export function sessionSort(rows: usize, ends: usize, keyCount: i32, times: usize, scratch: usize): void {
  let from: usize = 0;
  for (let key: usize = 0; key < <usize>keyCount; key++) {
    const end = <usize>load<u32>(ends + (key << 2));
    if (end - from > 1) sortByTime(rows + (from << 2), end - from, times, scratch);
    from = end;
  }
}

/**
 * Joins the rows of a batch to sessions among themselves; returns their number.
 *   rows    u32[length] by key and time
 *   keys    u32[length], times i64[length], gaps i64[length] or 0 where every gap is `gap`
 *   bound   a session that ends by then is closed; a row of which this holds alone is an early row
 *   groups  u32[length]: the local session of each row
 *   locals  room for `length` local sessions; `node` is left for sessionApply
 */
export function sessionLocal(
  rows: usize,
  keys: usize,
  times: usize,
  gaps: usize,
  gap: f64,
  length: i32,
  bound: f64,
  groups: usize,
  locals: usize,
): i32 {
  let count: i32 = 0;
  let at = locals - RECORD;
  for (let i: usize = 0; i < <usize>length; i++) {
    const row = <usize>load<u32>(rows + (i << 2));
    const time = load<i64>(times + (row << 3));
    const end = time + (gaps == 0 ? <i64>gap : load<i64>(gaps + (row << 3)));
    const key = load<u32>(keys + (row << 2));
    if (count == 0 || load<u32>(at, 16) != key || time >= load<i64>(at, 8)) {
      at += RECORD;
      count++;
      store<i64>(at, time);
      store<i64>(at, end, 8);
      store<u32>(at, key, 16);
      store<u32>(at, 0, 20);
      store<i32>(at, -1, 24);
      store<u32>(at, 0, 28);
    } else if (end > load<i64>(at, 8)) store<i64>(at, end, 8);
    if (<f64>end <= bound) store<u32>(at, load<u32>(at, 20) + 1, 20);
    store<u32>(at, load<u32>(at, 28) + 1, 28);
    store<u32>(groups + (row << 2), <u32>(count - 1));
  }
  return count;
}

/** Whether an open node of the key overlaps the local session. */
function meets(local: usize, heads: usize, nodes: usize): bool {
  let node = load<i32>(heads + (<usize>load<u32>(local, 16) << 2));
  while (node >= 0) {
    const at = nodes + <usize>node * RECORD;
    if (load<i64>(at) < load<i64>(local, 8) && load<i64>(at, 8) > load<i64>(local)) return true;
    node = load<i32>(at, 20);
  }
  return false;
}

/** How many local sessions are open though they have early rows: there the order of rows says which of them are late. */
export function sessionAmbiguous(locals: usize, count: i32, heads: usize, nodes: usize, bound: f64): i32 {
  let ambiguous: i32 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const local = locals + i * RECORD;
    if (load<u32>(local, 20) == 0 || load<u32>(local, 28) == 1) continue;
    ambiguous += <i32>(<f64>load<i64>(local, 8) > bound || meets(local, heads, nodes));
  }
  return ambiguous;
}

/**
 * Joins local sessions to the nodes, with room for `count` more of them; returns how many nodes there are then.
 * A local session's node is -1 where it is closed and joins none. A node that grows has not fired.
 */
export function sessionApply(
  locals: usize,
  count: i32,
  heads: usize,
  nodes: usize,
  nodeCount: i32,
  bound: f64,
): i32 {
  for (let i: usize = 0; i < <usize>count; i++) {
    const local = locals + i * RECORD;
    let start = load<i64>(local);
    let end = load<i64>(local, 8);
    const key = load<u32>(local, 16);
    const head = heads + (<usize>key << 2);
    let root: i32 = -1;
    let link: usize = head;
    let node = load<i32>(head);
    while (node >= 0) {
      const at = nodes + <usize>node * RECORD;
      const next = load<i32>(at, 20);
      if (load<i64>(at) < load<i64>(local, 8) && load<i64>(at, 8) > load<i64>(local)) {
        start = min(start, load<i64>(at));
        end = max(end, load<i64>(at, 8));
        if (root < 0) {
          root = node;
          link = at + 20;
        } else {
          store<i32>(link, next);
          store<u32>(at, ALIAS, 24);
          store<i32>(at, root, 20);
        }
      } else link = at + 20;
      node = next;
    }
    if (root < 0) {
      if (<f64>end <= bound) {
        store<i32>(local, -1, 24);
        continue;
      }
      root = nodeCount++;
      const at = nodes + <usize>root * RECORD;
      store<u32>(at, key, 16);
      store<i32>(at, load<i32>(head), 20);
      store<u32>(at, 0, 28);
      store<i32>(head, root);
    }
    const at = nodes + <usize>root * RECORD;
    store<i64>(at, start);
    store<i64>(at, end, 8);
    store<u32>(at, OPEN, 24);
    store<i32>(local, root, 24);
  }
  return nodeCount;
}

/**
 * The node of each row, through its local session: nodesOf u32[length], which may be `groups`; those of late rows are
 * 0xffffffff. Returns how many rows are late.
 */
export function sessionNodes(groups: usize, length: i32, locals: usize, nodesOf: usize): i32 {
  let late: i32 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const node = load<i32>(locals + <usize>load<u32>(groups + (row << 2)) * RECORD, 24);
    late += <i32>(node < 0);
    store<i32>(nodesOf + (row << 2), node);
  }
  return late;
}

/** sides[row] = 0 where its node is 0xffffffff, else 1: u32[length], may be `nodes`. */
export function sessionSides(nodes: usize, length: i32, sides: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(sides + (row << 2), <u32>(load<i32>(nodes + (row << 2)) >= 0));
  }
}

/** rows[i] = 1 where a row of at most `bound` alone would be closed; returns how many. rows: u32[length] */
export function sessionEarlyRows(times: usize, gaps: usize, gap: f64, length: i32, bound: f64, rows: usize): i32 {
  let count: i32 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    const end = load<i64>(times + (row << 3)) + (gaps == 0 ? <i64>gap : load<i64>(gaps + (row << 3)));
    const isEarly = <f64>end <= bound;
    store<u32>(rows + (row << 2), <u32>isEarly);
    count += <i32>isEarly;
  }
  return count;
}

/** Open nodes that end by `bound` and have not fired, to due u32[count]; they have fired then. Returns how many. */
export function sessionTakeDue(nodes: usize, count: i32, bound: f64, due: usize): i32 {
  let taken: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const at = nodes + i * RECORD;
    if (load<u32>(at, 24) != OPEN || <f64>load<i64>(at, 8) > bound) continue;
    store<u32>(at, FIRED, 24);
    store<u32>(due + (taken << 2), <u32>i);
    taken++;
  }
  return <i32>taken;
}

/** Frees nodes that have fired and end by `bound`; returns how many. */
export function sessionClose(nodes: usize, count: i32, heads: usize, bound: f64): i32 {
  let closed: i32 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const at = nodes + i * RECORD;
    if (load<u32>(at, 24) != FIRED || <f64>load<i64>(at, 8) > bound) continue;
    let link = heads + (<usize>load<u32>(at, 16) << 2);
    while (load<i32>(link) != <i32>i) link = nodes + <usize>load<i32>(link) * RECORD + 20;
    store<i32>(link, load<i32>(at, 20));
    store<u32>(at, DEAD, 24);
    closed++;
  }
  return closed;
}

/** The least end of the nodes in `state`, as a float; infinity where there is none. */
export function sessionLeastEnd(nodes: usize, count: i32, state: u32): f64 {
  let least = i64.MAX_VALUE;
  for (let i: usize = 0; i < <usize>count; i++) {
    const at = nodes + i * RECORD;
    if (load<u32>(at, 24) == state) least = min(least, load<i64>(at, 8));
  }
  return least == i64.MAX_VALUE ? Infinity : <f64>least;
}

/** Nodes that are open, fired or not, to `open` u32[count]; returns how many. */
export function sessionOpenNodes(nodes: usize, count: i32, open: usize): i32 {
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const state = load<u32>(nodes + i * RECORD, 24);
    if (state != OPEN && state != FIRED) continue;
    store<u32>(open + (found << 2), <u32>i);
    found++;
  }
  return <i32>found;
}

/**
 * The aggregate groups of sessions: their own and those of their aliases.
 *   chosen   u32[chosenCount]: nodes
 *   numbers  u32[count]: scratch
 *   groups   room for u32[count], sessions u32[count]: an aggregate group, and which of the chosen it belongs to
 * Returns how many.
 */
export function sessionGroups(
  nodes: usize,
  count: i32,
  chosen: usize,
  chosenCount: i32,
  numbers: usize,
  groups: usize,
  sessions: usize,
): i32 {
  memory.fill(numbers, 0xff, <usize>count << 2);
  for (let i: usize = 0; i < <usize>chosenCount; i++) {
    store<u32>(numbers + (<usize>load<u32>(chosen + (i << 2)) << 2), <u32>i);
  }
  let found: usize = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    let root = i;
    while (load<u32>(nodes + root * RECORD, 24) == ALIAS) root = <usize>load<i32>(nodes + root * RECORD, 20);
    const number = load<i32>(numbers + (root << 2));
    if (number < 0) continue;
    store<u32>(groups + (found << 2), <u32>i);
    store<u32>(sessions + (found << 2), <u32>number);
    found++;
  }
  return <i32>found;
}

/** Keys, starts, ends and states of chosen nodes: u32, i64, i64 and i32 each [count]. */
export function sessionRead(
  nodes: usize,
  chosen: usize,
  count: i32,
  keys: usize,
  starts: usize,
  ends: usize,
  states: usize,
): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const at = nodes + <usize>load<u32>(chosen + (i << 2)) * RECORD;
    store<u32>(keys + (i << 2), load<u32>(at, 16));
    store<i64>(starts + (i << 3), load<i64>(at));
    store<i64>(ends + (i << 3), load<i64>(at, 8));
    store<u32>(states + (i << 2), load<u32>(at, 24));
  }
}

/** Adds nodes with these keys, bounds and states from node `first` on. heads: i32 per key, -1 where a key is new. */
export function sessionAdd(
  nodes: usize,
  first: i32,
  count: i32,
  heads: usize,
  keys: usize,
  starts: usize,
  ends: usize,
  states: usize,
): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const at = nodes + (<usize>first + i) * RECORD;
    const head = heads + (<usize>load<u32>(keys + (i << 2)) << 2);
    store<i64>(at, load<i64>(starts + (i << 3)));
    store<i64>(at, load<i64>(ends + (i << 3)), 8);
    store<u32>(at, load<u32>(keys + (i << 2)), 16);
    store<i32>(at, load<i32>(head), 20);
    store<u32>(at, load<u32>(states + (i << 2)), 24);
    store<u32>(at, 0, 28);
    store<i32>(head, first + <i32>i);
  }
}

/** out[i] = the record of `stride` bytes of group groups[i]. groups: u32[count] */
export function sessionGatherRecords(records: usize, stride: i32, groups: usize, count: i32, out: usize): void {
  const width = <usize>stride;
  for (let i: usize = 0; i < <usize>count; i++) {
    const from = records + <usize>load<u32>(groups + (i << 2)) * width;
    const to = out + i * width;
    for (let byte: usize = 0; byte < width; byte += 8) store<u64>(to + byte, load<u64>(from + byte));
  }
}
