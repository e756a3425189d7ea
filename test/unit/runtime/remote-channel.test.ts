import { describe, expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import { columnOf } from "../../../src/core/columns/allocate.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { buildColumn } from "../../../src/core/columns/builder.ts";
import { Schema } from "../../../src/core/schema.ts";
import { utf8 } from "../../../src/core/types.ts";
import { RemoteWriter } from "../../../src/runtime/remote-channel.ts";
import { withWorkspace } from "../../support/workspace.ts";

const schema = new Schema([{ name: "value", type: { kind: "float64" } }]);

/** How many batches of so many rows of eight bytes are sent before there is no room. */
const sentOf = (rowCount: number, credit: { batches: number; mostBatches: number; bytes: number }): number =>
  withWorkspace((workspace) => {
    const sent: unknown[] = [];
    const writer = new RemoteWriter("job", "channel", workspace, credit, (message) => sent.push(message));
    const rows = Array.from({ length: rowCount }, (_, value) => ({ value }));
    while (writer.hasRoom()) writer.send(buildBatch(workspace, schema, rows));
    const { length } = sent;
    // Each that is taken makes room for one again.
    for (let i = 0; i < length; i++) writer.onTaken();
    expect(writer.isDrained).toBe(true);
    let again = 0;
    for (; writer.hasRoom(); again++) writer.send(buildBatch(workspace, schema, rows));
    expect(again).toBe(length);
    writer.release();
    return length;
  });

/** How many batches of one row are sent before there is no room, each with a dictionary of 1000 bytes. */
const sentWithDictionaries = (isShared: boolean): number =>
  withWorkspace((workspace) => {
    const texts = Schema.of({ text: utf8 });
    const dictionary = () => buildColumn(workspace, utf8, ["x".repeat(1000)]);
    const shared = dictionary();
    const batchOf = () => {
      const data = workspace.allocate(4);
      workspace.i32[data.address >>> 2] = 0;
      const column = columnOf(workspace, utf8, 1, { data, dictionary: isShared ? shared.retain() : dictionary() });
      return new Batch(texts, 1, [column]);
    };
    let sent = 0;
    const credit = { batches: 4, mostBatches: 32, bytes: 8000 };
    const writer = new RemoteWriter("job", "channel", workspace, credit, () => sent++);
    while (writer.hasRoom()) writer.send(batchOf());
    const first = sent;
    for (let i = 0; i < first; i++) writer.onTaken();
    expect(writer.isDrained).toBe(true);
    while (writer.hasRoom()) writer.send(batchOf());
    expect(sent, "what is taken makes room again").toBe(2 * first);
    writer.release();
    shared.release();
    return first;
  });

describe("the credit of a queue to another thread", () => {
  it("is so many batches, however large", () => {
    expect(sentOf(1000, { batches: 4, mostBatches: 32, bytes: 8000 })).toBe(4);
    expect(sentOf(1, { batches: 4, mostBatches: 4, bytes: 0 })).toBe(4);
  });

  it("is more of them while they are few bytes", () =>
    expect(sentOf(100, { batches: 4, mostBatches: 32, bytes: 8000 })).toBe(10));

  it("counts the dictionaries that they hold, each once", () => {
    expect(sentWithDictionaries(false)).toBe(8);
    expect(sentWithDictionaries(true)).toBe(32);
  });

  it("has an end, however small they are", () =>
    expect(sentOf(1, { batches: 4, mostBatches: 32, bytes: 8000 })).toBe(32));
});
