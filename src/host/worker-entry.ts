// What a worker thread runs: the composition of host, connectors and runtime, and of the API for those that need it.
import { connectorRegistry } from "../connectors/registry.ts";
import type { ProgramBuilder } from "../runtime/job-program.ts";
import { type WorkerInit, WorkerThread } from "../runtime/worker-thread.ts";
import { nodeHost } from "./node-host.ts";
import { takeWorkerStart } from "./node-threads.ts";

// The API is imported where a job brings code of its own, which uses it.
const buildProgram: ProgramBuilder = async (spec, host) => {
  const { buildJobProgram, forbidJobs } = await import("../datastream/job-program.ts");
  forbidJobs();
  return buildJobProgram(spec, host);
};

const { init, link } = takeWorkerStart();
new WorkerThread(nodeHost(), connectorRegistry, link, init as WorkerInit, buildProgram);
