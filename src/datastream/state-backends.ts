import { checkedOptions } from "../api/options.ts";
import { PlanError } from "../core/errors.ts";
import type { KeyedStateFactory } from "../core/state/keyed-backend.ts";
import { diskState } from "../state/disk/disk-backend.ts";
import { memoryState } from "../state/memory/memory-backend.ts";
import { whole } from "./arguments.ts";

export interface DiskStateOptions {
  /**
   * What keyed state of functions may hold in memory, in bytes: of the whole job, shared by all steps, subtasks and
   * threads. Default: a quarter of the `memoryBytes` of the environment, and at most 1 GiB.
   */
  readonly memoryBytes?: number;
  /** Where its files lie while the job runs, with other temporary files. Default: where the system has temporary files. */
  readonly directory?: string;
}

type StateBackendSpec = { readonly kind: "memory" } | ({ readonly kind: "disk" } & DiskStateOptions);

/** Where keyed state of functions is kept while a job runs: one of `stateBackends`. */
export class StateBackend {
  /** @internal */
  readonly spec: StateBackendSpec;

  private constructor(spec: StateBackendSpec) {
    this.spec = spec;
  }

  /** @internal */
  static of(spec: StateBackendSpec): StateBackend {
    return new StateBackend(spec);
  }
}

const LEAST_BYTES = 1 << 20;
const DEFAULT_SHARE = 4;
const MOST_BY_DEFAULT = 2 ** 30;

/**
 * For `setStateBackend`. Checkpoints and savepoints are the same, whichever has written them.
 * @example env.setStateBackend(stateBackends.disk({ memoryBytes: 256 * 1024 ** 2, directory: "/mnt/fast/state" }))
 */
export const stateBackends = {
  /** In memory: as fast as state can be, and as large as the heap of each thread. */
  memory(): StateBackend {
    return StateBackend.of({ kind: "memory" });
  },

  /**
   * In files, with what was used last in memory: as large as the disk. The files are temporary: what outlives the job is
   * in its checkpoints.
   * @throws {PlanError} OPTION_INVALID, OPTION_UNKNOWN
   */
  disk(options: DiskStateOptions = {}): StateBackend {
    const { memoryBytes, directory } = checkedOptions("disk", options, ["memoryBytes", "directory"]);
    if (directory !== undefined && (typeof directory !== "string" || directory === "")) {
      throw new PlanError(
        "OPTION_INVALID",
        "disk: directory is no path.",
        "Give the path of a directory, or leave it out.",
      );
    }
    return StateBackend.of({
      kind: "disk",
      ...(memoryBytes === undefined
        ? {}
        : { memoryBytes: whole("memoryBytes", memoryBytes, LEAST_BYTES, Number.MAX_SAFE_INTEGER) }),
      ...(directory === undefined ? {} : { directory }),
    });
  },
} as const;

/** @internal Makes the state of operators of a job that may use so much memory for everything. */
export function keyedStateOf(backend: StateBackend, jobMemoryBytes: number): KeyedStateFactory {
  const { spec } = backend;
  if (spec.kind === "memory") return memoryState;
  const byDefault = Math.min(Math.floor(jobMemoryBytes / DEFAULT_SHARE), MOST_BY_DEFAULT);
  return diskState({ memoryBytes: spec.memoryBytes ?? byDefault });
}
