import { expect, it } from "vitest";
import { KeyedProcess } from "../../../../src/core/operators/keyed-process.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { mapState } from "../../../../src/core/state/descriptors.ts";
import { int32 } from "../../../../src/core/types.ts";
import { memoryState } from "../../../../src/state/memory/memory-backend.ts";
import { StreamOperator } from "../../../support/stream-operator.ts";
import { withWorkspace } from "../../../support/workspace.ts";

it("an iterator that a function has held until another key came renews nothing", () => {
  withWorkspace((ws) => {
    const ttl = { ttlMs: 10, timeDomain: "event", updateOn: "read-and-write" } as const;
    const entries = mapState("entries", int32, int32, { ttl });
    const schema = Schema.of({ key: int32, what: int32 });
    let held: Iterator<unknown> | undefined;
    let read: unknown;
    const operator = new StreamOperator(
      ws,
      () =>
        new KeyedProcess(
          {
            processElement({ what }, { state }) {
              const map = state(entries);
              if (what === 0) {
                map.set(1, 1);
                map.set(2, 2);
                held = map.keys()[Symbol.iterator]();
                held.next();
              } else if (what === 1) read = held?.next().value;
              else read = [...map.keys()];
            },
          },
          schema,
          ["key"],
          { shape: { schema }, site: { name: "process" }, state: memoryState },
        ),
    );
    const send = (key: number, what: number, timeMs: number) => {
      operator.send(schema, [{ row: { key, what }, timeMs }], { keys: ["key"] });
      return read;
    };
    send(3, 0, 0);
    expect(send(4, 1, 9)).toBe(2);
    expect(send(3, 2, 12)).toEqual([]);
    operator.close();
  });
});
