/** The greatest of i64[length] at `times`, as a float: event times are exact in both. length > 0; times: 8-byte aligned */
export function eventTimeMax(times: usize, length: i32): f64 {
  const end = times + (<usize>length << 3);
  let greatest = load<i64>(times);
  for (let at = times + 8; at < end; at += 8) greatest = max(greatest, load<i64>(at));
  return <f64>greatest;
}

/** The least of i64[length] at `times`, as a float. length > 0; times: 8-byte aligned */
export function eventTimeMin(times: usize, length: i32): f64 {
  const end = times + (<usize>length << 3);
  let least = load<i64>(times);
  for (let at = times + 8; at < end; at += 8) least = min(least, load<i64>(at));
  return <f64>least;
}

/** Writes the same time to i64[length] at `out`. `time` is a whole number of milliseconds. out: 8-byte aligned */
export function eventTimeFill(time: f64, length: i32, out: usize): void {
  const end = out + (<usize>length << 3);
  for (let at = out; at < end; at += 8) store<i64>(at, <i64>time);
}
