/** An engine that runs Nexmark's queries over a bounded run of events. */
import type { NexmarkConfiguration } from "../generator/configuration.ts";

export interface NexmarkRun {
  readonly configuration: NexmarkConfiguration;
  /** The run consists of the first so many events. */
  readonly events: number;
}

export interface NexmarkTime {
  /** From the first event to the last result. */
  readonly ms: number;
  /** Processor time of all threads of the engine's process meanwhile. */
  readonly cpuMs: number;
}

export interface NexmarkEngine {
  supports(query: string): boolean;
  /** Runs a query and drops its results as they come. */
  time(query: string, run: NexmarkRun): Promise<NexmarkTime>;
  /**
   * Runs a query and writes the rows that its changelog leaves in the end to a file, one per line in any order: columns
   * apart by U+001F, whole numbers and decimals in digits, timestamps in epoch milliseconds, null as \N.
   */
  answer(query: string, run: NexmarkRun, path: string): Promise<void>;
  close(): Promise<void> | void;
}
