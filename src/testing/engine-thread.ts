import { connectorRegistry, loadAllConnectors } from "../connectors/registry.ts";
import type { ConnectorRegistry } from "../runtime/connector-loader.ts";
import { type WorkerInit, WorkerThread } from "../runtime/worker-thread.ts";
import type { ThreadEntry } from "./simulated-threads.ts";

/** Runs the engine's worker in a simulated thread, as `src/host/worker-entry.ts` does in a real one. */
export const engineThread =
  (registry: ConnectorRegistry = connectorRegistry): ThreadEntry =>
  (host, parent, init) => {
    new WorkerThread(host, registry, parent, init as WorkerInit);
  };

/**
 * Imports whatever the engine imports on first use. Await it before the first simulation that runs a job: reading
 * modules is work of the real world, which virtual time does not wait for.
 */
export const loadEngine = (): Promise<void> => loadAllConnectors();
