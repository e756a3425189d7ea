import { expect, it } from "vitest";
import { KeyedProcess } from "../../../../src/core/operators/keyed-process.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { listState, mapState } from "../../../../src/core/state/descriptors.ts";
import { int32 } from "../../../../src/core/types.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StreamOperator } from "../../../support/stream-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const schema = Schema.of({ key: int32, n: int32 });
const ttl = { ttlMs: 10, timeDomain: "event", visibility: "until-cleanup" } as const;
const elements = listState("elements", int32, { ttl });
const entries = mapState("entries", int32, int32, { ttl });

it("what has been freed of a list or a map does not come back with a checkpoint of changes", () => {
  withWorkspace((ws) => {
    let read: unknown;
    const create = () =>
      new KeyedProcess(
        {
          processElement({ n }, { state }) {
            if (n !== null) {
              state(elements).add(n as number);
              state(entries).set(n as number, 1);
            }
            read = [[...state(elements).get()], [...state(entries).keys()]];
          },
        },
        schema,
        ["key"],
        { shape: { schema }, site: { name: "process" }, state: memoryState },
      );
    const keys = { keys: ["key"] };
    const before = new StreamOperator(ws, create);
    const look = (operator: StreamOperator, key: number, timeMs: number) => {
      operator.send(schema, [{ row: { key, n: null }, timeMs }], keys);
      return read;
    };
    before.send(schema, [{ row: { key: 3, n: 100 }, timeMs: 0 }], keys);
    const rows = Array.from({ length: 20 }, (_, key) => ({ row: { key, n: 200 + key }, timeMs: 8 }));
    before.send(schema, rows, keys);
    before.watermark(9);
    before.checkpoint();
    before.watermark(11);
    for (let turn = 0; turn < 100; turn++) look(before, 4, 11);
    expect(look(before, 3, 11)).toEqual([[203], [203]]);
    const restore = before.checkpoint();
    expect(restore.tables["list:elements"].changes).toBeDefined();
    expect(restore.tables["map:entries"].changes).toBeDefined();
    before.close();

    const after = new StreamOperator(ws, create, { restore });
    expect(look(after, 3, 11)).toEqual([[203], [203]]);
    after.close();
  });
});
