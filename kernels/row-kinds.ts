/**
 * Row kinds of a changelog are int8: 0 insert, 1 update-before, 2 update-after, 3 delete. Whether a row is taken back;
 * `kinds` 0 means that every row is an insert.
 */
@inline
export function takesBack(kinds: usize, row: usize): bool {
  if (kinds == 0) return false;
  const kind = load<i8>(kinds + row);
  return kind == 1 || kind == 3;
}
