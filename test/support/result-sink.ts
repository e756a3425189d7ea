import type { Batch } from "../../src/core/batch.ts";
import { readRows } from "../../src/core/columns/read.ts";
import type { Workspace } from "../../src/core/workspace.ts";
import type { DataSet, ExecutionEnvironment, Sink } from "../../src/index.ts";

/** A sink that shows each batch to `take` and commits nothing. */
export const takingSink = (take: (batch: Batch, workspace: Workspace) => void): Sink => ({
  spec: { kind: "taking" },
  description: "taking",
  begin: () => undefined,
  createWriter: ({ workspace }) => ({
    write: (batch) => take(batch, workspace),
    prepareCommit: () => null,
    close: () => undefined,
  }),
  commit: () => undefined,
  abort: () => undefined,
});

/** The rows of a dataset, with the counters of all operators added up by name. */
export async function collectCounted(
  env: ExecutionEnvironment,
  data: Pick<DataSet, "output">,
): Promise<{ rows: Record<string, unknown>[]; counters: Map<string, number>; splitsDone: number; rowsRead: number }> {
  const rows: Record<string, unknown>[] = [];
  data.output(
    takingSink((batch, workspace) => {
      for (const row of readRows(workspace, batch)) rows.push(row);
    }),
  );
  return { rows, ...counted(await env.execute()) };
}

export function counted({ metrics }: Awaited<ReturnType<ExecutionEnvironment["execute"]>>) {
  const counters = new Map<string, number>();
  let [splitsDone, rowsRead] = [0, 0];
  for (const vertex of metrics) {
    splitsDone += vertex.splitsDone;
    if (vertex.bytesRead > 0 || vertex.splitsDone > 0) rowsRead += vertex.rowsIn;
    for (const [name, value] of Object.entries(vertex.counters)) counters.set(name, (counters.get(name) ?? 0) + value);
  }
  return { counters, splitsDone, rowsRead };
}
