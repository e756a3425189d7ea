import { describe, expect, it } from "vitest";
import { Batch } from "../../../src/core/batch.ts";
import { buildBatch } from "../../../src/core/columns/build.ts";
import { Schema } from "../../../src/core/schema.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { LocalChannel } from "../../../src/runtime/channel.ts";
import { CoalescingWriter, gatheringFor } from "../../../src/runtime/coalescing-writer.ts";
import { encodedColumn } from "../../support/arbitrary-column.ts";
import { withWorkspace } from "../../support/workspace.ts";

const schema = new Schema([{ name: "text", type: { kind: "utf8" } }]);

const rows = (workspace: Workspace, count: number, text = "abc"): Batch =>
  buildBatch(
    workspace,
    schema,
    Array.from({ length: count }, () => ({ text })),
  );

/** A writer of a batch job in front of a queue of `capacity`, and the row counts of what has come through. */
function gathering(workspace: Workspace, { memoryBytes = 1 << 28, capacity = 100 } = {}) {
  const channel = new LocalChannel(capacity);
  const clock = { ms: 0 };
  const nowMs = () => clock.ms;
  const writer = new CoalescingWriter(
    workspace,
    channel,
    gatheringFor(undefined, { batchRows: 1000, memoryBytes, nowMs }),
  );
  const received = (): number[] => {
    const counts: number[] = [];
    for (let batch = channel.poll() as Batch | undefined; batch !== undefined; batch = channel.poll() as Batch) {
      counts.push(batch.rowCount);
      batch.release();
    }
    return counts;
  };
  return { writer, received, clock };
}

describe("gathering small batches in a batch job", () => {
  it("waits for enough rows", () =>
    withWorkspace((workspace) => {
      const { writer, received } = gathering(workspace);
      for (let i = 0; i < 9; i++) writer.send(rows(workspace, 100));
      expect(received()).toEqual([]);
      writer.send(rows(workspace, 100));
      expect(received()).toEqual([1000]);
    }));

  it("sends what has waited for 50 ms", () =>
    withWorkspace((workspace) => {
      const { writer, received, clock } = gathering(workspace);
      writer.send(rows(workspace, 1));
      clock.ms = 49;
      writer.send(rows(workspace, 2));
      writer.flushDue(clock.ms);
      expect(received()).toEqual([]);
      clock.ms = 50;
      writer.flushDue(clock.ms);
      expect(received()).toEqual([3]);
      expect(writer.flushAtMs).toBe(Number.POSITIVE_INFINITY);
    }));

  it("holds few batches, which may be slices of large ones", () =>
    withWorkspace((workspace) => {
      const { writer, received } = gathering(workspace);
      for (let i = 0; i < 64; i++) writer.send(rows(workspace, 1));
      expect(received()).toEqual([64]);
    }));

  it("keeps texts encoded: another dictionary sends what was held over the one before", () =>
    withWorkspace((workspace) => {
      const { writer, received } = gathering(workspace);
      const encoded = () => new Batch(schema, 4, [encodedColumn(workspace, { kind: "utf8" }, ["a", "b", "c", "d"])]);
      const [one, other] = [encoded(), encoded()];
      for (const batch of [one.retain(), one, other.retain(), other]) writer.send(batch);
      writer.end();
      expect(received()).toEqual([8, 8]);
    }));

  it("sends large batches as they are, behind what was held", () =>
    withWorkspace((workspace) => {
      const { writer, received } = gathering(workspace);
      writer.send(rows(workspace, 10));
      writer.send(rows(workspace, 500));
      expect(received()).toEqual([10, 500]);
    }));

  it("counts long texts: a few rows may be large, and enough of them are sent", () =>
    withWorkspace((workspace) => {
      const { writer, received } = gathering(workspace);
      writer.send(rows(workspace, 1, "x".repeat(65_536)));
      expect(received()).toEqual([1]);
      for (let i = 0; i < 5; i++) writer.send(rows(workspace, 1, "x".repeat(60_000)));
      expect(received()).toEqual([5]);
    }));

  it("holds less where memory is short", () =>
    withWorkspace((workspace) => {
      const { writer, received } = gathering(workspace, { memoryBytes: 1 << 20 });
      for (let i = 0; i < 5; i++) writer.send(rows(workspace, 30));
      expect(received()).toEqual([150]);
    }));

  it("sends everything where its thread has nothing else to do, though the queue is full", () =>
    withWorkspace((workspace) => {
      const { writer, received } = gathering(workspace, { capacity: 1 });
      writer.send(rows(workspace, 500));
      expect(writer.hasRoom()).toBe(false);
      writer.send(rows(workspace, 1));
      expect(writer.flushIdle()).toBe(true);
      expect(writer.flushIdle()).toBe(false);
      expect(received()).toEqual([500, 1]);
    }));

  it("sends what is left at the end, and drops it after a failure", () =>
    withWorkspace((workspace) => {
      const { writer, received } = gathering(workspace);
      writer.send(rows(workspace, 1));
      writer.send(rows(workspace, 2));
      writer.end();
      expect(received()).toEqual([3]);
      writer.send(rows(workspace, 1));
      writer.close();
      expect(received()).toEqual([]);
    }));
});
