import { connectorRegistry, loadAllConnectors } from "../connectors/registry.ts";
import type { SinkFactory } from "../core/sink.ts";
import { loadTableFormat } from "../core/snapshot-tables.ts";
import type { SourceFactory } from "../core/source.ts";
import type { Workspace } from "../core/workspace.ts";
import { buildJobProgram } from "../datastream/job-program.ts";
import { type WorkerInit, WorkerThread } from "../runtime/worker-thread.ts";
import type { ThreadEntry } from "./simulated-threads.ts";

/** Finds the connectors of a simulated worker by kind. */
export interface ThreadConnectors {
  sourceFactory(kind: string): Promise<SourceFactory>;
  sinkFactory(kind: string): Promise<SinkFactory>;
}

/**
 * Runs the engine's worker in a simulated thread, as a real thread does.
 * @param connectors - Default: those of this package.
 */
export const engineThread = (connectors: ThreadConnectors = connectorRegistry): ThreadEntry =>
  engineThreadOn(() => undefined, connectors);

/** The same on a memory that the caller gives to each thread, or on a new one. */
export const engineThreadOn =
  (memory: () => Workspace | undefined, connectors: ThreadConnectors = connectorRegistry): ThreadEntry =>
  (host, parent, init) => {
    new WorkerThread(host, connectors, parent, init as WorkerInit, buildJobProgram, memory());
  };

/**
 * Imports whatever the engine imports on first use. Await it before the first simulation that runs a job: reading
 * modules is work of the real world, which virtual time does not wait for.
 */
export async function loadEngine(): Promise<void> {
  await Promise.all([loadAllConnectors(), loadTableFormat()]);
}
