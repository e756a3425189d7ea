import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import { Workspace } from "../core/workspace.ts";
import { type ConnectorRegistry, loadConnectors } from "./connector-loader.ts";
import { JobFragment } from "./job-fragment.ts";
import type { JobGraph } from "./job-graph.ts";
import { PLANNER_THREAD } from "./messages.ts";
import { PeerLinks } from "./peer-links.ts";
import { claimsFor } from "./split-claims.ts";
import { StoredParts } from "./stored-parts.ts";
import { uniqueId } from "./unique-id.ts";

/**
 * Opens every step of a job on this thread with the state that it is to go on from, and closes it again without a row:
 * what does not fit is told as when the job starts. Functions of the user are opened and closed.
 * @throws {EngineError} what restoring fails with
 */
export async function tryRestore(
  { host, registry, module }: { host: Host; registry: ConnectorRegistry; module: WebAssembly.Module },
  graph: JobGraph,
  restore: JobSnapshot,
): Promise<void> {
  const workspace = new Workspace(module);
  const fragment = new JobFragment({
    job: `check-${uniqueId(host.random)}`,
    thread: PLANNER_THREAD,
    deployment: {
      graph,
      threads: [PLANNER_THREAD],
      memoryBytes: host.totalMemoryBytes,
      memorySharers: 1,
      batchRows: 8192,
      splitClaims: claimsFor(graph),
      restore,
    },
    workspace,
    host,
    connectors: await loadConnectors(registry, graph),
    peers: new PeerLinks([workspace.memory]),
    stored: new StoredParts(uniqueId(host.random), workspace, module),
  });
  try {
    fragment.open();
  } finally {
    await fragment.stop();
    fragment.close(false);
  }
}
