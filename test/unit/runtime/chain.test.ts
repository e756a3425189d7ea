import { beforeAll, expect, it } from "vitest";
import type { Operator, OperatorContext, Output } from "../../../src/core/operator.ts";
import { Schema } from "../../../src/core/schema.ts";
import { loadTableFormat } from "../../../src/core/snapshot-tables.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import { OperatorChain } from "../../../src/runtime/chain.ts";
import { JoinedSnapshots } from "../../../src/runtime/joined-snapshots.ts";
import { TableReader, TableWriter } from "../../../src/runtime/snapshots.ts";
import { withWorkspace } from "../../support/workspace.ts";

beforeAll(loadTableFormat);

const tail: Output = {
  isClosed: false,
  emit: (batch) => batch.release(),
  emitWatermark: () => undefined,
  emitSide: (_, batch) => batch.release(),
};

/** A chain of one operator with state, and the watermarks that it has got. */
function chainOf(workspace: Workspace): { chain: OperatorChain; got: number[] } {
  const got: number[] = [];
  const operator: Operator = {
    outputSchema: Schema.of({}),
    open: () => undefined,
    processBatch: () => "done",
    processWatermark: ({ timeMs }) => {
      got.push(timeMs);
      return "done";
    },
    snapshotState: () => undefined,
    restoreState: () => undefined,
    endInput: () => "done",
    close: () => undefined,
  };
  const chain = new OperatorChain([{ name: "stateful", uid: "stateful", operator }], tail, { isStream: true });
  chain.open(() => ({ workspace }) as OperatorContext);
  return { chain, got };
}

it("lets event time go on from where the slowest subtask had been, never from behind it", () =>
  withWorkspace((workspace) => {
    const subtasks = [10, 5].map((timeMs, subtask) => {
      const { chain } = chainOf(workspace);
      chain.processWatermark({ timeMs });
      const writer = new TableWriter(workspace);
      chain.snapshot(() => writer);
      return { subtask, operators: [{ uid: "stateful", tables: writer.finish() }] };
    });
    const { operators } = new JoinedSnapshots(12, true).join(1, subtasks);
    const target = { keyGroups: { start: 0, end: 12 }, subtask: 0, parallelism: 1 };
    const { chain, got } = chainOf(workspace);
    chain.restore((uid) => new TableReader(workspace, operators[uid], target));
    // A source that was idle before is not any more, and far behind.
    for (const timeMs of [3, 4, 7, 6]) chain.processWatermark({ timeMs });
    expect(got).toEqual([5, 7]);
  }));
