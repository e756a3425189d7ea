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
