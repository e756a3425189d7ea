import type { Batch } from "../../../src/core/batch.ts";
import type { Sink, SinkContext } from "../../../src/core/sink.ts";
import type { Json } from "../../../src/core/source.ts";
import type { Workspace } from "../../../src/core/workspace.ts";

/** Committed output of one run, by what each sink prepared: a repeated commit changes nothing. */
export type Committed = Map<string, { readonly sink: string; readonly rows: readonly string[] }>;

interface Prepared {
  readonly sink: string;
  readonly subtask: number;
  readonly when: string;
  readonly rows: readonly string[];
}

/** A two-phase sink that keeps rows as text; each write takes so long. */
export function committingSink(
  name: string,
  textOf: (batch: Batch, workspace: Workspace) => readonly string[],
  run: number,
  committed: Committed,
  writeMs: number,
): Sink {
  return {
    spec: { kind: "committing" },
    description: name,
    begin: () => undefined,
    createWriter: ({ workspace, host, subtask }: SinkContext) => {
      let rows: string[] = [];
      const take = (when: string): Prepared => {
        const taken = rows;
        rows = [];
        return { sink: name, subtask, when, rows: taken };
      };
      return {
        write: (batch) => {
          rows.push(...textOf(batch, workspace));
          if (writeMs === 0) return;
          return new Promise<void>((resolve) => void host.scheduler.after(writeMs, resolve));
        },
        prepareCheckpoint: (checkpointId) => [take(`run ${run}, checkpoint ${checkpointId}`) as unknown as Json],
        prepareCommit: () => take(`run ${run}, end`) as unknown as Json,
        close: () => undefined,
      };
    },
    commit: (committables) => {
      for (const committable of committables) {
        const { sink, subtask, when, rows } = committable as unknown as Prepared;
        committed.set(`${sink} ${subtask} ${when}`, { sink, rows });
      }
    },
    abort: () => undefined,
  };
}
