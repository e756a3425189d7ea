import { describe, expect, it } from "vitest";
import { buildColumn } from "../../../../src/core/columns/builder.ts";
import { keyGroupRange } from "../../../../src/core/key-group.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { loadTableFormat } from "../../../../src/core/snapshot-tables.ts";
import { valueState } from "../../../../src/core/state/descriptors.ts";
import type { KeyedStateBackend } from "../../../../src/core/state/keyed-backend.ts";
import { KeyColumns } from "../../../../src/core/state/state-key.ts";
import { binary, type DataType, int32, list, struct, utf8 } from "../../../../src/core/types.ts";
import type { Workspace } from "../../../../src/core/workspace.ts";
import { TableReader, TableWriter } from "../../../../src/runtime/snapshots.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { UnreadValues } from "../../../../src/state/memory/unread-values.ts";
import { withWorkspace } from "../../../support/workspace.ts";

await loadTableFormat();

const KEY_GROUPS = keyGroupRange(0, 1, 16);

function open(ws: Workspace): { backend: KeyedStateBackend; keys: KeyColumns } {
  const keys = new KeyColumns(ws, Schema.of({ id: int32 }), ["id"], 16);
  const zero = () => 0;
  const clock = { processingTimeMs: zero, eventTimeMs: zero, watermarkMs: zero };
  return { backend: memoryState({ workspace: ws, site: {} as never, keys, keyGroups: KEY_GROUPS, clock }), keys };
}

function tablesOf(ws: Workspace, backend: KeyedStateBackend) {
  const writer = new TableWriter(ws);
  backend.snapshot(writer);
  return Object.fromEntries(writer.finish().map(({ name, kind, bytes }) => [name, { kind, parts: [bytes] }] as const));
}

const TYPES: readonly { readonly type: DataType; readonly make: (id: number) => unknown }[] = [
  { type: utf8, make: (id) => `${"a text ".repeat(id % 5)}${id}` },
  { type: binary, make: (id) => Uint8Array.from({ length: id % 20 }, (_, i) => i) },
  { type: list(int32), make: (id) => Array.from({ length: id % 4 }, (_, i) => (i === 2 ? null : id)) },
  { type: struct({ id: int32, text: utf8 }), make: (id) => ({ id, text: id % 3 === 0 ? null : `${id}` }) },
  { type: int32, make: (id) => id },
];

describe("restored values", () => {
  it.each(TYPES)("are as before to all who ask, read or not: $type.kind", ({ type, make }) => {
    const COUNT = 500;
    withWorkspace((ws) => {
      const descriptor = valueState("value", type);
      const { backend: before, keys } = open(ws);
      const keyOf = (id: number) => keys.asked([id]);
      for (let id = 0; id < COUNT; id++) {
        before.setKey(keyOf(id));
        before.state(descriptor).set(make(id) as never);
      }
      const tables = tablesOf(ws, before);
      before.close();

      const { backend } = open(ws);
      backend.restore(new TableReader(ws, { tables }, { keyGroups: KEY_GROUPS, subtask: 0, parallelism: 1 }));
      const state = backend.state(descriptor);
      const values = new Map(Array.from({ length: COUNT }, (_, id) => [id, make(id)]));
      const expectAll = () => {
        for (let id = 0; id < COUNT; id++) {
          backend.setKey(keyOf(id));
          expect(state.get()).toEqual(values.get(id) ?? null);
          expect(backend.get("value", keyOf(id))).toEqual(values.get(id) ?? null);
        }
        expect(backend.keyCount).toBe(values.size);
      };
      expect(tablesOf(ws, backend)).toEqual(tables);
      expectAll();
      const bytes = backend.memoryBytes;
      const blocks = ws.allocator.liveBlocks;
      // Some are read, written, and cleared, while the others are read beside them.
      for (const id of [3, 77, COUNT - 1]) {
        backend.setKey(keyOf(id));
        state.set(make(id + 1) as never);
        values.set(id, make(id + 1));
        backend.setKey(keyOf(id + 1));
        state.clear();
        values.delete(id + 1);
        backend.cleanUp(150);
        expectAll();
      }
      backend.cleanUp(150);
      expectAll();
      // Their columns are not needed any more.
      if (type !== int32) expect(ws.allocator.liveBlocks).toBeLessThan(blocks);
      expect(backend.memoryBytes).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(0);
      backend.close();
    });
  });

  it("are given back with the state while some are unread", () => {
    withWorkspace((ws) => {
      const column = buildColumn(ws, utf8, ["a", null, "c"]);
      const unread = new UnreadValues(ws);
      const first = unread.add(column);
      const second = unread.add(column);
      column.release();
      expect([0, 1, 2].map((row) => unread.valueOf((first as number) + row))).toEqual(["a", null, "c"]);
      expect(unread.valueOf((second as number) + 2)).toBe("c");
      expect(unread.valueOf("c")).toBe("c");
      expect(unread.memoryBytes).toBeGreaterThan(0);
      unread.release();
      expect(unread.isEmpty).toBe(true);
    });
  });

  it("of columns too long for a number per row are read at once", () => {
    withWorkspace((ws) => {
      const column = buildColumn(ws, utf8, new Array(65_537).fill("x"));
      const unread = new UnreadValues(ws);
      expect(unread.add(column)).toBeUndefined();
      column.release();
    });
  });
});
