/**
 * numbers[row] = which of `count` partitions a hash belongs to: the high 32 bits scaled down
 * (Lemire, "Fast Random Integer Generation in an Interval", 2019), which is even for every `count`.
 * Independent of key groups, which take the hash modulo their number.
 */
export function partitionNumbers(hashes: usize, length: i32, count: i32, numbers: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const high = load<u64>(hashes + (row << 3)) >> 32;
    store<u32>(numbers + (row << 2), <u32>((high * <u64>count) >> 32));
  }
}

/** numbers[row] = `bits` bits of the hash from `shift` on: levels of a recursive partitioning take disjoint bits. */
export function partitionBits(hashes: usize, length: i32, shift: i32, bits: i32, numbers: usize): void {
  const mask: u64 = (<u64>1 << <u64>bits) - 1;
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(numbers + (row << 2), <u32>((load<u64>(hashes + (row << 3)) >> <u64>shift) & mask));
  }
}

/** groups[row] = hash mod maxParallelism. */
export function partitionKeyGroups(hashes: usize, length: i32, maxParallelism: i32, groups: usize): void {
  // A division of 64 bits takes longer than all else that is done for a row.
  if (popcnt(maxParallelism) == 1) {
    for (let row: usize = 0; row < <usize>length; row++) {
      store<u32>(groups + (row << 2), <u32>load<u64>(hashes + (row << 3)) & <u32>(maxParallelism - 1));
    }
    return;
  }
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(groups + (row << 2), <u32>(load<u64>(hashes + (row << 3)) % <u64>maxParallelism));
  }
}

/**
 * subtasks[row] = the subtask of `parallelism` that owns the key group of a hash (hash mod maxParallelism); see
 * src/core/key-group.ts. `parallelism` is at most `maxParallelism`, and that at most 2^15.
 */
export function partitionSubtasks(
  hashes: usize,
  length: i32,
  parallelism: i32,
  maxParallelism: i32,
  subtasks: usize,
): void {
  if (popcnt(maxParallelism) == 1) {
    const shift = ctz(maxParallelism);
    for (let row: usize = 0; row < <usize>length; row++) {
      const group = <u32>load<u64>(hashes + (row << 3)) & <u32>(maxParallelism - 1);
      store<u32>(subtasks + (row << 2), (group * <u32>parallelism) >> shift);
    }
    return;
  }
  for (let row: usize = 0; row < <usize>length; row++) {
    const group = <u32>(load<u64>(hashes + (row << 3)) % <u64>maxParallelism);
    store<u32>(subtasks + (row << 2), (group * <u32>parallelism) / <u32>maxParallelism);
  }
}

/**
 * numbers[row] = one of `count` partitions, by a hash of first + row and `seed`: spread evenly, the same in every run.
 * The mixer is that of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
 */
export function partitionShuffle(first: f64, seed: i32, length: i32, count: i32, numbers: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    let mixed = (<u64>first + <u64>row) * 0x9e3779b97f4a7c15 + <u64>seed * 0xd1342543de82ef95;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
    store<u32>(numbers + (row << 2), <u32>(((mixed >> 32) * <u64>count) >> 32));
  }
}

/**
 * Counting sort of the row numbers 0..length-1 by partition, stable.
 *   numbers  u32[length], each below `count`
 *   ends     u32[count]: scratch, then where each partition ends in `rows`
 *   rows     u32[length]
 */
export function partitionRows(numbers: usize, length: i32, count: i32, ends: usize, rows: usize): void {
  if (count == 2) {
    partitionInTwo(numbers, length, ends, rows);
    return;
  }
  memory.fill(ends, 0, <usize>count << 2);
  for (let row: usize = 0; row < <usize>length; row++) {
    const counter = ends + (<usize>load<u32>(numbers + (row << 2)) << 2);
    store<u32>(counter, load<u32>(counter) + 1);
  }
  let start: u32 = 0;
  for (let i: usize = 0; i < <usize>count; i++) {
    const size = load<u32>(ends + (i << 2));
    store<u32>(ends + (i << 2), start);
    start += size;
  }
  for (let row: usize = 0; row < <usize>length; row++) {
    const counter = ends + (<usize>load<u32>(numbers + (row << 2)) << 2);
    const at = load<u32>(counter);
    store<u32>(counter, at + 1);
    store<u32>(rows + (<usize>at << 2), <u32>row);
  }
}

/** `partitionRows` with both ends in registers: counters in memory would make each row wait for the one before. */
function partitionInTwo(numbers: usize, length: i32, ends: usize, rows: usize): void {
  const end = numbers + (<usize>length << 2);
  let second: usize = 0;
  for (let at = numbers; at < end; at += 4) second += <usize>load<u32>(at);
  let first = rows;
  let behind = rows + ((<usize>length - second) << 2);
  for (let at = numbers, row: u32 = 0; at < end; at += 4, row++) {
    const number = <usize>load<u32>(at);
    store<u32>(select(behind, first, number), row);
    behind += number << 2;
    first += (1 - number) << 2;
  }
  store<u32>(ends, <u32>length - <u32>second);
  store<u32>(ends, <u32>length, 4);
}
