import fc from "fast-check";
import { expect, it } from "vitest";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { columnReader } from "../../../../src/core/columns/read.ts";
import { GroupTable } from "../../../../src/core/groups/group-table.ts";
import { int64, utf8 } from "../../../../src/core/types.ts";
import { PaneGrid } from "../../../../src/core/windows/pane-grid.ts";
import { PaneTable } from "../../../../src/core/windows/pane-table.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const KEY_TYPES = { none: [], one: [int64], two: [int64, utf8] } as const;

interface Row {
  readonly key: number;
  readonly pane: number;
}

const anyGrid = fc
  .record({ slideMs: fc.integer({ min: 1, max: 9 }), sizeMs: fc.integer({ min: 1, max: 40 }), offsetMs: fc.integer() })
  .map(({ slideMs, sizeMs, offsetMs }) => new PaneGrid({ kind: "sliding", slideMs, sizeMs, offsetMs }));

const keyOf = (kind: keyof typeof KEY_TYPES, key: number): unknown[] =>
  kind === "none" ? [] : kind === "one" ? [key % 7 === 6 ? null : BigInt(key)] : [BigInt(key & 3), `${key >> 2}`];

/** Groups of the rows of one batch. */
function assign(
  ws: Workspace,
  table: PaneTable,
  grid: PaneGrid,
  kind: keyof typeof KEY_TYPES,
  rows: readonly Row[],
  first: number,
) {
  const times = ws.allocate(rows.length * 8);
  rows.forEach(({ pane, key }, i) => {
    const [startMs, endMs] = [grid.startMs(first + pane), grid.startMs(first + pane + 1)];
    ws.i64[times.address / 8 + i] = BigInt(startMs + (key % (endMs - startMs)));
  });
  const columns = KEY_TYPES[kind].map((type, i) =>
    buildColumn(
      ws,
      type,
      rows.map(({ key }) => keyOf(kind, key)[i]),
    ),
  );
  const groups = table.assign(times.address, columns, rows.length);
  const numbers = [...ws.u32.slice(groups.address >>> 2, (groups.address >>> 2) + rows.length)];
  for (const held of [times, groups, ...columns]) held.release();
  return numbers;
}

it("numbers keys and panes by first occurrence at any cut, with slots and without, and finds the groups of panes", () => {
  fc.assert(
    fc.property(
      anyGrid,
      fc.constantFrom(...(Object.keys(KEY_TYPES) as (keyof typeof KEY_TYPES)[])),
      // The last two have no room for a slot per pane and key, from the start or once keys have come.
      fc.constantFrom([1, 30], [7, 30], [64, 300], [4096, 300], [4096, 20_000]),
      fc.integer({ min: -100, max: 100 }),
      fc.array(fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 80, size: "max" }), { maxLength: 5 }),
      fc.tuple(fc.nat(), fc.nat()),
      (grid, kind, [paneCount, keyLimit], firstPane, given, bounds) => {
        const batches = given.map((rows) =>
          rows.map(([key, pane]) => ({ key: key % keyLimit, pane: pane % paneCount })),
        );
        withWorkspace((ws) => {
          const range = { first: firstPane, end: firstPane + paneCount };
          const table = new PaneTable(ws, grid, range, KEY_TYPES[kind]);
          const wanted = new Map<string, number>();
          const idOf = ({ key, pane }: Row) => [...keyOf(kind, key), pane].join();
          if (kind === "none" && paneCount === 1) wanted.set("0", 0);
          for (const rows of batches) {
            if (rows.length === 0) continue;
            for (const row of rows) if (!wanted.has(idOf(row))) wanted.set(idOf(row), wanted.size);
            expect(assign(ws, table, grid, kind, rows, firstPane)).toEqual(rows.map((row) => wanted.get(idOf(row))));
          }
          const ids = [...wanted.keys()];
          expect(table.groupCount).toBe(ids.length);
          const columns = table.keyColumns(0, ids.length);
          const readers = columns.map((column) => columnReader(ws, column));
          expect(ids.map((_, i) => readers.map((read) => read(i)).join())).toEqual(ids);
          for (const column of columns) column.release();

          const [a, b] = bounds.map((at) => at % (paneCount + 1));
          const [from, to] = [Math.min(a, b), Math.max(a, b)];
          const found = table.rowsOf({ first: firstPane + from, end: firstPane + to });
          if (found !== undefined) {
            const keys = kind === "none" ? undefined : new GroupTable(ws, KEY_TYPES[kind]);
            const numbers = table.numbersIn(keys);
            const groups = [...ws.u32.slice(found.groups.address >>> 2, (found.groups.address >>> 2) + found.count)];
            const panesOf = groups.map((_, i) => found.ends.findIndex((end) => i < end) + from);
            const inRange = ids.flatMap((id, group) => {
              const pane = Number(id.split(",").at(-1));
              return pane >= from && pane < to ? [{ group, pane }] : [];
            });
            const byGroup = groups
              .map((group, i) => ({ group, pane: panesOf[i] }))
              .toSorted((x, y) => x.group - y.group);
            expect(byGroup).toEqual(inRange);
            if (keys !== undefined) {
              // The numbers that rows have lead to their keys.
              const held = ws.allocate(found.count * 4);
              ws.kernels.gather32(numbers.address, found.keys.address, found.count, held.address);
              const gathered = keys.gatherKeys(held.address, found.count);
              const read = gathered.map((column) => columnReader(ws, column));
              const given = groups.map((_, i) => [...read.map((of) => of(i)), panesOf[i]].join());
              expect(given).toEqual(groups.map((group) => ids[group]));
              for (const released of [held, ...gathered, keys]) released.release();
            }
            for (const block of [numbers, found.groups, found.keys]) block.release();
          } else expect(kind !== "none" || paneCount === 1 || ids.length === 0).toBe(true);
          table.release();
        });
      },
    ),
    { numRuns: 150 },
  );
});
