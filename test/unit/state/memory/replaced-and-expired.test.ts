import { expect, it } from "vitest";
import { KeyedProcess } from "../../../../src/core/operators/keyed-process.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { listState } from "../../../../src/core/state/descriptors.ts";
import { int32 } from "../../../../src/core/types.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StreamOperator } from "../../../support/stream-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

it("what was replaced does not come back where what took its place has expired sooner", () => {
  withWorkspace((ws) => {
    const elements = listState("elements", int32, { ttl: { ttlMs: 10, timeDomain: "event" } });
    const schema = Schema.of({ key: int32, n: int32 });
    let read: unknown;
    const create = () =>
      new KeyedProcess(
        {
          processElement({ n }, { state }) {
            if (n !== null) state(elements).set([n as number]);
            read = state(elements).get();
          },
        },
        schema,
        ["key"],
        { shape: { schema }, site: { name: "process" }, state: memoryState },
      );
    const keys = { keys: ["key"] };
    const before = new StreamOperator(ws, create);
    const rows = Array.from({ length: 10 }, (_, key) => ({ row: { key, n: 1 }, timeMs: 20 }));
    before.send(schema, rows, keys);
    before.watermark(15);
    before.checkpoint();
    before.send(schema, [{ row: { key: 3, n: 2 }, timeMs: 12 }], keys);
    before.watermark(25);
    const restore = before.checkpoint();
    expect(restore.tables["list:elements"].changes).toBeDefined();
    before.close();

    const after = new StreamOperator(ws, create, { restore });
    after.send(schema, [{ row: { key: 4, n: null }, timeMs: 26 }], keys);
    expect(read).toEqual([1]);
    after.send(schema, [{ row: { key: 3, n: null }, timeMs: 26 }], keys);
    expect(read).toEqual([]);
    after.close();
  });
});
