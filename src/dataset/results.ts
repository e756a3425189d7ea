import type { RecordBatch, Table } from "apache-arrow";
import type { PlanHandle } from "../api/plan-handle.ts";
import type { Batch } from "../core/batch.ts";
import { decodeDictionaries } from "../core/columns/dictionary.ts";
import { readRows } from "../core/columns/read.ts";
import { assert, EngineError, PlanError } from "../core/errors.ts";
import type { Workspace } from "../core/workspace.ts";
import type { LogicalNode } from "../plan/logical.ts";
import { limitNode, sourceNode } from "../plan/nodes.ts";
import { StoredSource } from "../runtime/stored-source.ts";
import { StoredTable } from "../runtime/stored-table.ts";
import type { JobContext } from "./job-context.ts";
import { formatTable } from "./show.ts";

export type Row = Record<string, unknown>;

export async function collectRows(context: JobContext, plan: PlanHandle, signal?: AbortSignal): Promise<Row[]> {
  const rows: Row[] = [];
  const take = (batch: Batch, workspace: Workspace) => {
    for (const row of readRows(workspace, batch)) rows.push(row);
  };
  await context.run([{ plan, take }], signal);
  return rows;
}

export async function collectArrow(context: JobContext, plan: PlanHandle, signal?: AbortSignal): Promise<Table> {
  // A large package, imported while worker threads start and compute.
  const imports = Promise.all([
    import("apache-arrow"),
    import("../core/arrow.ts"),
    import("../core/arrow-types.ts"),
  ] as const);
  imports.catch(() => undefined); // whoever awaits it next hears of a failure
  const batches: RecordBatch[] = [];
  const take = async (batch: Batch, workspace: Workspace) => {
    const [, { toArrow }] = await imports;
    // A table has one schema: batches of one column may come with a dictionary and without.
    const plain = decodeDictionaries(workspace, batch);
    batches.push(toArrow(workspace, plain, "copy"));
    plain.release();
  };
  await context.run([{ plan, take }], signal);
  const [{ Table }, , { arrowSchema }] = await imports;
  return batches.length > 0 ? new Table(batches) : new Table(arrowSchema((await plan.resolve()).schema));
}

/** `plan` is a global count. */
export async function countRows(context: JobContext, plan: PlanHandle, signal?: AbortSignal): Promise<number> {
  const [row] = await collectRows(context, plan, signal);
  assert(row !== undefined, "a global aggregate gives a row");
  return Number(row.rows);
}

export async function showText(context: JobContext, plan: PlanHandle, limit: number): Promise<string> {
  const node = await plan.resolve();
  limitNode(node, limit, 0); // checks the number that the user gave
  // One row more than shown tells whether there are more; the whole count would cost the whole job.
  const rows = await collectRows(
    context,
    plan.map((input) => limitNode(input, limit + 1, 0)),
  );
  const shown = rows.slice(0, limit);
  return formatTable(node.schema, shown, { isComplete: rows.length <= limit });
}

/** Keeps the rows in the memories of the threads that compute them; the node reads them. */
export async function persistRows(context: JobContext, plan: PlanHandle, signal?: AbortSignal): Promise<LogicalNode> {
  const { schema } = await plan.resolve();
  const table = context.newTable(schema);
  await context.run([{ plan, table }], signal);
  return sourceNode(table.source("persisted"));
}

/** `plan` is what `persistRows` gave. */
export async function unpersistRows(plan: PlanHandle): Promise<void> {
  const { node } = plan;
  const lease = node?.op === "source" && node.source instanceof StoredSource ? node.source.lease : undefined;
  if (!(lease instanceof StoredTable)) {
    throw new PlanError(
      "NOT_PERSISTED",
      "unpersist() was called on a dataset that keeps no rows in memory.",
      "Call it on the dataset that persist() gave, not on one that was built on it.",
    );
  }
  await lease.release();
}

export async function* rowIterator(context: JobContext, plan: PlanHandle): AsyncGenerator<Row> {
  for await (const rows of handOver(context, plan, (batch, workspace) => readRows(workspace, batch))) yield* rows;
}

export async function* recordBatches(context: JobContext, plan: PlanHandle): AsyncGenerator<RecordBatch> {
  const { toArrow } = await import("../core/arrow.ts");
  yield* handOver(context, plan, (batch, workspace) => toArrow(workspace, batch, "copy"));
}

/**
 * Runs a job whose batches the caller takes one by one: the job waits while one is not taken, and is cancelled when the
 * caller stops.
 */
async function* handOver<T>(
  context: JobContext,
  plan: PlanHandle,
  convert: (batch: Batch, workspace: Workspace) => T,
): AsyncGenerator<T> {
  const stop = new AbortController();
  let offered: { item: T; taken: () => void } | undefined;
  /** The batch that the caller looks at: the job waits until it asks for the next. */
  let current: { taken: () => void } | undefined;
  let hasEnded = false;
  let failure: unknown;
  let changed: () => void = () => undefined;
  const take = (batch: Batch, workspace: Workspace) =>
    new Promise<void>((taken) => {
      offered = { item: convert(batch, workspace), taken };
      changed();
    });
  const job = context
    .run([{ plan, take }], stop.signal)
    .catch((thrown: unknown) => {
      failure = thrown;
    })
    .finally(() => {
      hasEnded = true;
      changed();
    });
  try {
    for (;;) {
      if (offered !== undefined) {
        const { item } = offered;
        current = offered;
        offered = undefined;
        yield item;
        current.taken();
      } else if (hasEnded) break;
      else {
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    }
  } finally {
    stop.abort();
    // A write that waits to be taken would keep the job from stopping.
    current?.taken();
    (offered as { taken: () => void } | undefined)?.taken();
    await job;
  }
  if (failure !== undefined && !(failure instanceof EngineError && failure.code === "JOB_CANCELLED")) throw failure;
}
