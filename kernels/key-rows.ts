/**
 * Row encoding that keeps equality (src/core/columns/key-rows.ts): sizes first, then one pass per column that writes
 * every row's bytes at its cursor. Cursors are u32 addresses; cursor 0 marks a row that is skipped (inside a null).
 * `validity` is a bitmap from bit 0, or 0 where no row is null.
 */
@inline
function isNull(validity: usize, row: usize): bool {
  return validity != 0 && ((load<u8>(validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
}

@inline
function add(sizes: usize, row: usize, bytes: u32): void {
  const at = sizes + (row << 2);
  store<u32>(at, load<u32>(at) + bytes);
}

/** sizes[row] += `always` for the null flag, and `width` more where the row is not null. */
export function keyRowsAddConstant(sizes: usize, length: i32, validity: usize, always: u32, width: u32): void {
  for (let row: usize = 0; row < <usize>length; row++) add(sizes, row, isNull(validity, row) ? 1 : always + width);
}

/** sizes[row] += 1 for a null, else `header` and the bytes of the string. */
export function keyRowsAddVariable(sizes: usize, length: i32, validity: usize, offsets: usize, header: u32): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const at = offsets + (row << 2);
    add(sizes, row, isNull(validity, row) ? 1 : header + load<u32>(at, 4) - load<u32>(at));
  }
}

/** sizes[row] += 1 for a null, else `header` + inner[row]. */
export function keyRowsAddSizes(sizes: usize, length: i32, validity: usize, inner: usize, header: u32): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    add(sizes, row, isNull(validity, row) ? 1 : header + load<u32>(inner + (row << 2)));
  }
}

/** sizes[row] += 1 for a null, else `header` and the sizes of the elements; elements[0] is element offsets[0]. */
export function keyRowsAddLists(
  sizes: usize,
  length: i32,
  validity: usize,
  offsets: usize,
  elements: usize,
  header: u32,
): void {
  const first = load<u32>(offsets);
  for (let row: usize = 0; row < <usize>length; row++) {
    if (isNull(validity, row)) {
      add(sizes, row, 1);
      continue;
    }
    let total = header;
    const end = load<u32>(offsets + (row << 2), 4) - first;
    for (let i = load<u32>(offsets + (row << 2)) - first; i < end; i++) total += load<u32>(elements + (<usize>i << 2));
    add(sizes, row, total);
  }
}

/** Running sums of sizes as offsets i32[length + 1]; returns the total, also where it passes what offsets can hold. */
export function keyRowsOffsets(sizes: usize, length: i32, offsets: usize): f64 {
  let total: u64 = 0;
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(offsets + (row << 2), <u32>total);
    total += <u64>load<u32>(sizes + (row << 2));
  }
  store<u32>(offsets + (<usize>length << 2), <u32>total);
  return <f64>total;
}

export function keyRowsCursors(offsets: usize, length: i32, data: usize, cursors: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    store<u32>(cursors + (row << 2), <u32>data + load<u32>(offsets + (row << 2)));
  }
}

export function keyRowsWriteNulls(cursors: usize, length: i32): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const cursor = load<u32>(cursors + (row << 2));
    if (cursor == 0) continue;
    store<u8>(<usize>cursor, 0);
    store<u32>(cursors + (row << 2), cursor + 1);
  }
}

@inline
function writeFixed<T>(values: usize, validity: usize, length: i32, cursors: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const cursor = load<u32>(cursors + (row << 2));
    if (cursor == 0) continue;
    if (isNull(validity, row)) {
      store<u8>(<usize>cursor, 0);
      store<u32>(cursors + (row << 2), cursor + 1);
      continue;
    }
    store<u8>(<usize>cursor, 1);
    let value = load<T>(values + row * sizeof<T>());
    if (isFloat<T>()) {
      value = value + <T>0; // -0 + 0 = 0
      if (value != value) value = <T>NaN;
    }
    store<T>(<usize>cursor, value, 1);
    store<u32>(cursors + (row << 2), cursor + 1 + <u32>sizeof<T>());
  }
}

export function keyRowsWrite1(values: usize, validity: usize, length: i32, cursors: usize): void {
  writeFixed<u8>(values, validity, length, cursors);
}
export function keyRowsWrite2(values: usize, validity: usize, length: i32, cursors: usize): void {
  writeFixed<u16>(values, validity, length, cursors);
}
export function keyRowsWrite4(values: usize, validity: usize, length: i32, cursors: usize): void {
  writeFixed<u32>(values, validity, length, cursors);
}
export function keyRowsWrite8(values: usize, validity: usize, length: i32, cursors: usize): void {
  writeFixed<u64>(values, validity, length, cursors);
}
export function keyRowsWriteF32(values: usize, validity: usize, length: i32, cursors: usize): void {
  writeFixed<f32>(values, validity, length, cursors);
}
export function keyRowsWriteF64(values: usize, validity: usize, length: i32, cursors: usize): void {
  writeFixed<f64>(values, validity, length, cursors);
}

export function keyRowsWrite16(values: usize, validity: usize, length: i32, cursors: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const cursor = load<u32>(cursors + (row << 2));
    if (cursor == 0) continue;
    const present = !isNull(validity, row);
    store<u8>(<usize>cursor, <u8>present);
    if (present) v128.store(<usize>cursor + 1, v128.load(values + (row << 4)));
    store<u32>(cursors + (row << 2), cursor + (present ? 17 : 1));
  }
}

export function keyRowsWriteVariable(
  data: usize,
  offsets: usize,
  validity: usize,
  length: i32,
  cursors: usize,
): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const cursor = load<u32>(cursors + (row << 2));
    if (cursor == 0) continue;
    if (isNull(validity, row)) {
      store<u8>(<usize>cursor, 0);
      store<u32>(cursors + (row << 2), cursor + 1);
      continue;
    }
    const start = load<u32>(offsets + (row << 2));
    const size = load<u32>(offsets + (row << 2), 4) - start;
    store<u8>(<usize>cursor, 1);
    store<u32>(<usize>cursor, size, 1);
    memory.copy(<usize>cursor + 5, data + <usize>start, size);
    store<u32>(cursors + (row << 2), cursor + 5 + size);
  }
}

/** Structs: writes the flag; inner[row] is the cursor of the fields, 0 where the struct is null. */
export function keyRowsBegin(validity: usize, length: i32, cursors: usize, inner: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const cursor = load<u32>(cursors + (row << 2));
    let next: u32 = 0;
    if (cursor != 0) {
      const present = !isNull(validity, row);
      store<u8>(<usize>cursor, <u8>present);
      store<u32>(cursors + (row << 2), cursor + 1);
      if (present) next = cursor + 1;
    }
    store<u32>(inner + (row << 2), next);
  }
}

/** The cursors of the fields become those of the rows again. */
export function keyRowsEnd(inner: usize, length: i32, cursors: usize): void {
  for (let row: usize = 0; row < <usize>length; row++) {
    const cursor = load<u32>(inner + (row << 2));
    if (cursor != 0) store<u32>(cursors + (row << 2), cursor);
  }
}

/**
 * Lists: writes flags and counts, moves the cursors behind the elements, and turns the element sizes u32[elementCount]
 * into the elements' cursors (0 for elements of lists that are null or skipped).
 */
export function keyRowsWriteLists(
  offsets: usize,
  validity: usize,
  length: i32,
  cursors: usize,
  elements: usize,
  elementCount: i32,
): void {
  if (length == 0) return;
  const first = load<u32>(offsets);
  for (let row: usize = 0; row < <usize>length; row++) {
    const start = load<u32>(offsets + (row << 2)) - first;
    const end = load<u32>(offsets + (row << 2), 4) - first;
    let cursor = load<u32>(cursors + (row << 2));
    if (cursor == 0 || isNull(validity, row)) {
      for (let i = start; i < end; i++) store<u32>(elements + (<usize>i << 2), 0);
      if (cursor != 0) {
        store<u8>(<usize>cursor, 0);
        store<u32>(cursors + (row << 2), cursor + 1);
      }
      continue;
    }
    store<u8>(<usize>cursor, 1);
    store<u32>(<usize>cursor, end - start, 1);
    cursor += 5;
    for (let i = start; i < end; i++) {
      const size = load<u32>(elements + (<usize>i << 2));
      store<u32>(elements + (<usize>i << 2), cursor);
      cursor += size;
    }
    store<u32>(cursors + (row << 2), cursor);
  }
}
