// What access to nested values means, row by row.

export const fieldOf = (struct: Record<string, unknown> | null, name: string): unknown => struct?.[name] ?? null;

/** From 0, or from the end where negative. */
export const elementAt = (list: readonly unknown[] | null, position: number | null): unknown =>
  position === null ? null : (list?.at(position) ?? null);

export const sizeOf = (values: readonly unknown[] | null): number | null => values?.length ?? null;

/** The first entry of a key. */
export const valueOfKey = (map: readonly (readonly [unknown, unknown])[] | null, key: unknown): unknown =>
  map?.find(([each]) => each === key)?.[1] ?? null;

/** A row per element, the row's other columns beside it. */
export const unnested = (
  rows: readonly Record<string, unknown>[],
  column: string,
  keepsEmpty: boolean,
): Record<string, unknown>[] =>
  rows.flatMap((row) => {
    const elements = (row[column] ?? []) as readonly unknown[];
    if (elements.length === 0) return keepsEmpty ? [{ ...row, [column]: null }] : [];
    return elements.map((element) => ({ ...row, [column]: element }));
  });
