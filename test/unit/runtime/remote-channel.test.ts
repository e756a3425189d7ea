import { describe, expect, it } from "vitest";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { Schema } from "../../../src/core/schema.ts";
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

describe("the credit of a queue to another thread", () => {
  it("is so many batches, however large", () => {
    expect(sentOf(1000, { batches: 4, mostBatches: 32, bytes: 8000 })).toBe(4);
    expect(sentOf(1, { batches: 4, mostBatches: 4, bytes: 0 })).toBe(4);
  });

  it("is more of them while they are few bytes", () =>
    expect(sentOf(100, { batches: 4, mostBatches: 32, bytes: 8000 })).toBe(10));

  it("has an end, however small they are", () =>
    expect(sentOf(1, { batches: 4, mostBatches: 32, bytes: 8000 })).toBe(32));
});
