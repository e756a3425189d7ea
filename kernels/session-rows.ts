/**
 * Rows by session: for each node of kernels/session.ts a list of rows in the order in which they were added.
 *   list, 12 bytes  { u32 first row + 1, u32 last row + 1, u32 rows }, all zero without rows
 *   next            u32 per row: the next row of its list + 1, or 0
 */
const LIST: usize = 12;

/** Adds rows first, first + 1, ... to the lists of nodes[i]. nodes: u32[length]; next has room for first + length rows. */
export function sessionRowsAdd(nodes: usize, length: i32, first: u32, lists: usize, next: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) {
    const list = lists + <usize>load<u32>(nodes + (i << 2)) * LIST;
    const row = first + <u32>i;
    const last = load<u32>(list, 4);
    store<u32>(next + (<usize>row << 2), 0);
    if (last == 0) store<u32>(list, row + 1);
    else store<u32>(next + (<usize>(last - 1) << 2), row + 1);
    store<u32>(list, row + 1, 4);
    store<u32>(list, load<u32>(list, 8) + 1, 8);
  }
}

/** How many rows the nodes u32[count] have. */
export function sessionRowsCount(nodes: usize, count: i32, lists: usize): f64 {
  let rows: f64 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    rows += <f64>load<u32>(lists + <usize>load<u32>(nodes + (i << 2)) * LIST, 8);
  }
  return rows;
}

/**
 * The rows of nodes u32[count] as u64 each: session number above row number, in the order of the nodes. Sorted, they are
 * the rows by session, in the order in which they came.
 *   sessions  u32[count]: the session of each node
 *   out       room for sessionRowsCount elements
 */
export function sessionRowsTake(nodes: usize, sessions: usize, count: i32, lists: usize, next: usize, out: usize): void {
  let at = out;
  for (let i: usize = 0; i < <usize>count; i++) {
    const session = <u64>load<u32>(sessions + (i << 2)) << 32;
    let row = load<u32>(lists + <usize>load<u32>(nodes + (i << 2)) * LIST);
    while (row != 0) {
      store<u64>(at, session | <u64>(row - 1));
      at += 8;
      row = load<u32>(next + (<usize>(row - 1) << 2));
    }
  }
}

/** Takes elements of sessionRowsTake apart: rows u32[count], and sessions u32[count] counted from `firstSession`. */
export function sessionRowsSplit(elements: usize, count: i32, firstSession: u32, rows: usize, sessions: usize): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const element = load<u64>(elements + (i << 3));
    store<u32>(rows + (i << 2), <u32>element);
    store<u32>(sessions + (i << 2), <u32>(element >> 32) - firstSession);
  }
}

/** Elements with their halves swapped, in place: sorted like this, they are the rows in the order in which they came. */
export function sessionRowsSwap(elements: usize, count: i32): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    store<u64>(elements + (i << 3), rotl<u64>(load<u64>(elements + (i << 3)), 32));
  }
}

/** Of sorted elements from `from` on, the first whose session is not below `session`; count if there is none. */
export function sessionRowsSeek(elements: usize, from: i32, count: i32, session: u32): i32 {
  let low = from;
  let high = count;
  while (low < high) {
    const middle = low + ((high - low) >> 1);
    if (load<u32>(elements + (<usize>middle << 3), 4) < session) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** gaps[i] = ends[i] - starts[i]: i64[length] each. */
export function sessionRowsGaps(starts: usize, ends: usize, length: i32, gaps: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) {
    const at = i << 3;
    store<i64>(gaps + at, load<i64>(ends + at) - load<i64>(starts + at));
  }
}

/** out[i] = a[i] where a's bit of `validity` is set, else b[i]: u32[length] each. */
export function sessionRowsEither(a: usize, validity: usize, b: usize, length: i32, out: usize): void {
  for (let i: usize = 0; i < <usize>length; i++) {
    const isA = (load<u8>(validity + (i >> 3)) >> <u8>(i & 7)) & 1;
    store<u32>(out + (i << 2), load<u32>((isA ? a : b) + (i << 2)));
  }
}
