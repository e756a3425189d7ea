// What a worker thread runs: the composition of host, connectors and runtime.
import { connectorRegistry } from "../connectors/registry.ts";
import { type WorkerInit, WorkerThread } from "../runtime/worker-thread.ts";
import { nodeHost } from "./node-host.ts";
import { takeWorkerStart } from "./node-threads.ts";

const { init, link } = takeWorkerStart();
new WorkerThread(nodeHost(), connectorRegistry, link, init as WorkerInit);
