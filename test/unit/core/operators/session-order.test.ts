import { describe, expect, it } from "vitest";
import { WindowCoGroupRows } from "../../../../src/core/operators/window-co-group-rows.ts";
import { Schema } from "../../../../src/core/schema.ts";
import { int32, utf8 } from "../../../../src/core/types.ts";
import { StreamHarness } from "../../../support/stream-harness.ts";
import { withWorkspace } from "../../../support/workspace.ts";

const SCHEMA = Schema.of({ k: int32, id: int32 });
const side = { schema: SCHEMA, keys: [{ column: 0 }] };
const LEFT = 0;

/** What a coGroup gives of a session that a late row makes of two, the later of which came first. */
function joinedLate(between: (harness: StreamHarness) => void): unknown[] {
  const given: unknown[] = [];
  withWorkspace((ws) => {
    const create = () =>
      new WindowCoGroupRows(
        (_, left) => [{ ids: [...left].map(({ id }) => id).join() }],
        side,
        side,
        { kind: "session", gapMs: 4 },
        { schema: Schema.of({ ids: utf8 }) },
        { name: "coGroup" },
        0,
      );
    const harness = new StreamHarness(ws, create, [
      { schema: SCHEMA, keys: ["k"] },
      { schema: SCHEMA, keys: ["k"] },
    ]);
    const add = (times: number[], rows: { k: number; id: number }[]) => harness.rows(LEFT, rows, { times });
    add(
      Array.from({ length: 10_000 }, (_, i) => i % 7),
      Array.from({ length: 10_000 }, (_, id) => ({ k: 1, id })),
    );
    add(
      [1008, 1004],
      [
        { k: 2, id: 0 },
        { k: 2, id: 1 },
      ],
    );
    between(harness);
    add([1005], [{ k: 2, id: 2 }]);
    harness.end();
    given.push(...harness.emitted.map(({ row }) => row.ids).filter((ids) => String(ids).length < 10));
  });
  return given;
}

describe("rows of sessions that meet are given in the order in which they came", () => {
  it("where nothing happens in between", () => {
    expect(joinedLate(() => undefined)).toEqual(["0,1,2"]);
  });

  it("behind a restart", () => {
    expect(joinedLate((harness) => harness.restart(1))).toEqual(["0,1,2"]);
  });

  it("once the rows of many other sessions have gone", () => {
    expect(joinedLate((harness) => harness.watermark(900))).toEqual(["0,1,2"]);
  });
});
