/**
 * The pane of each time: windows start every `slide` milliseconds from `offset` on; each such step is one pane, or two
 * where windows end `cut` milliseconds into it (0 < cut < slide; 0: never). Panes are numbered through time: 2 k and
 * 2 k + 1 for step k. Times before the offset have negative numbers.
 *   times  i64[length]; panes i64[length]: may be the same
 */
export function paneNumbers(times: usize, length: i32, offset: f64, slide: f64, cut: f64, panes: usize): void {
  const origin = <i64>offset;
  const step = <i64>slide;
  const border = <i64>cut;
  const end = times + (<usize>length << 3);
  for (; times < end; times += 8, panes += 8) {
    const distance = load<i64>(times) - origin;
    let index = distance / step;
    let rest = distance - index * step;
    if (rest < 0) {
      index--;
      rest += step;
    }
    store<i64>(panes, (index << 1) + <i64>(border != 0 && rest >= border));
  }
}

/**
 * groups[row] = the group of the row's key and pane: that of slots[pane << shift | key], which is 1 + the group, or 0
 * where there is none yet. New groups are numbered from `count` on and leave { u32 key, u32 pane } in `fresh`.
 *   times   i64[length]; offset, period, cut as in windowPanes; panes count from `first`
 *   keys    u32[length], each below 1 << shift
 *   slots   u32[panes << shift]
 *   fresh   room for one record per row
 *   groups  u32[length]; may be `keys`
 * Returns how many groups there are then.
 */
export function windowPaneGroups(
  times: usize,
  keys: usize,
  length: i32,
  offset: f64,
  period: f64,
  cut: f64,
  first: f64,
  slots: usize,
  shift: i32,
  count: i32,
  fresh: usize,
  groups: usize,
): i32 {
  const size = <i64>period;
  const middle = <i64>cut;
  const origin = <i64>offset;
  // Rows come roughly in the order of time: most lie in the pane of the row before.
  let start: i64 = 0;
  let width: u64 = 0;
  let pane: u32 = 0;
  let line = slots;
  for (let row: usize = 0; row < <usize>length; row++) {
    const time = load<i64>(times + (row << 3));
    if (<u64>(time - start) >= width) {
      const distance = time - origin;
      let index = distance / size;
      if (index * size > distance) index--;
      start = origin + index * size;
      width = <u64>size;
      if (middle != 0) {
        index <<= 1;
        if (time - start >= middle) {
          start += middle;
          width = <u64>(size - middle);
          index++;
        } else width = <u64>middle;
      }
      pane = <u32>(index - <i64>first);
      line = slots + (<usize>pane << <usize>(shift + 2));
    }
    const key = load<u32>(keys + (row << 2));
    const at = line + (<usize>key << 2);
    let group = load<u32>(at);
    if (group == 0) {
      store<u32>(fresh, key);
      store<u32>(fresh, pane, 4);
      fresh += 8;
      group = ++count;
      store<u32>(at, group);
    }
    store<u32>(groups + (row << 2), group - 1);
  }
  return count;
}

/** Enters groups 0..count-1 with { u32 key, u32 pane } at `owners` into slots as in windowPaneGroups, zero so far. */
export function windowPaneEnter(owners: usize, count: i32, shift: i32, slots: usize): void {
  for (let group: u32 = 0; group < <u32>count; group++, owners += 8) {
    const slot = (<usize>load<u32>(owners, 4) << <usize>shift) + <usize>load<u32>(owners);
    store<u32>(slots + (slot << 2), group + 1);
  }
}

/** { u32 key, u32 pane }[count] at `owners` as keys u32[count] and panes u32[count]. */
export function windowPaneOwners(owners: usize, count: i32, keys: usize, panes: usize): void {
  for (let i: usize = 0; i < <usize>count; i++, owners += 8) {
    store<u32>(keys + (i << 2), load<u32>(owners));
    store<u32>(panes + (i << 2), load<u32>(owners, 4));
  }
}

/**
 * The groups of panes [first, end) in the order of panes and keys, where slots are as in windowPaneGroups and keys are
 * below `keyCount`: their keys and numbers, and where those of each pane end. Returns how many.
 *   keys, groups  room for u32[1 + the groups of these panes]
 *   ends          u32[end - first]
 */
export function windowPaneRows(
  slots: usize,
  shift: i32,
  keyCount: i32,
  first: i32,
  end: i32,
  keys: usize,
  groups: usize,
  ends: usize,
): i32 {
  let count: usize = 0;
  for (let pane = first; pane < end; pane++, ends += 4) {
    const line = slots + (<usize>pane << <usize>(shift + 2));
    for (let key: u32 = 0; key < <u32>keyCount; key++) {
      const group = load<u32>(line + (<usize>key << 2));
      store<u32>(keys + (count << 2), key);
      store<u32>(groups + (count << 2), group - 1);
      count += <usize>(group != 0);
    }
    store<u32>(ends, <u32>count);
  }
  return <i32>count;
}
