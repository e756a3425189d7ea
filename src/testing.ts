export type {
  Clock,
  Connection,
  FileInfo,
  Host,
  HostFiles,
  HostNetwork,
  HostProcesses,
  HostScheduler,
  HostThreads,
  Link,
  Listener,
  Random,
  ReadableFile,
  WorkerHandle,
  WritableFile,
} from "./core/host.ts";
export { engineThread, loadEngine, type ThreadConnectors } from "./testing/engine-thread.ts";
export type { Fault, FaultKind } from "./testing/fault-plan.ts";
export { SeededRandom } from "./testing/seeded-random.ts";
export type { SimulatedDisk } from "./testing/simulated-disk.ts";
export type { SimulatedLinks } from "./testing/simulated-links.ts";
export type { SimulatedNetwork } from "./testing/simulated-network.ts";
export type { ThreadEntry } from "./testing/simulated-threads.ts";
export { Simulation, type SimulationOptions } from "./testing/simulation.ts";
export {
  DeadlockError,
  LivelockError,
  RealWorldError,
  SimulatedCrashError,
} from "./testing/simulation-errors.ts";
export type { TraceEntry } from "./testing/trace.ts";
