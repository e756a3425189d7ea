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
export type { CheckedFaultKind, Fault, FaultKind } from "./testing/fault-plan.ts";
export {
  type ConformanceOptions,
  conformance,
  type SinkUnderTest,
  type SourceUnderTest,
} from "./testing/faults/conformance.ts";
export type {
  FaultCheckOptions,
  FaultInput,
  FaultJob,
  FaultSources,
} from "./testing/faults/fault-check.ts";
export { FaultCheckError } from "./testing/faults/fault-check-error.ts";
export type { FaultModel, FaultOptions } from "./testing/faults/fault-model.ts";
export type { RowsArbitrary } from "./testing/faults/fault-search.ts";
export type { FaultOutputs } from "./testing/faults/faulted-run.ts";
export { faults } from "./testing/faults/faults.ts";
export type { Expectation } from "./testing/faults/judgement.ts";
export type { OutputDifference, Outputs } from "./testing/faults/outputs.ts";
export type { FaultReport } from "./testing/faults/statistics.ts";
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
