import type { KeyedStateFactory, KeyedStateOptions } from "../../core/state/keyed-backend.ts";
import type { Workspace } from "../../core/workspace.ts";
import { CellsBackend } from "../memory/cells-backend.ts";
import { DiskCells } from "./disk-cells.ts";
import { DiskSnapshots } from "./disk-snapshots.ts";
import { PageStore } from "./page-store.ts";
import { StateBudget } from "./state-budget.ts";

export interface DiskStateOptions {
  /** What all backends of a job may hold in memory together. */
  readonly memoryBytes: number;
}

/** Two records of 250 bytes: what is read for one key is hardly more than it has, and 16 bytes of memory are 3 %. */
const PAGE_BYTES = 512;

const between = (least: number, value: number, most: number): number =>
  Math.min(most, Math.max(least, Math.floor(value)));

/** The budgets of jobs on each thread, while they have backends there. */
const budgets = new WeakMap<Workspace, Map<string, StateBudget>>();

/** Keyed state in files, as large as the disk, of which some is held in memory. */
export const diskState =
  ({ memoryBytes }: DiskStateOptions): KeyedStateFactory =>
  (options) => {
    const { site } = options;
    const limitBytes = Math.floor(memoryBytes / (site.memorySharers ?? 1));
    const { budget, number, leave } = budgetOf(options, limitBytes);
    const step = `"${site.operatorId}", subtask ${site.subtask}`;
    const store = new PageStore({
      files: site.host.files,
      directory: () => site.spillDirectory(),
      name: `${site.operatorId.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 80)}-${site.subtask}-${number}`,
      step,
      pageBytes: PAGE_BYTES,
      bufferBytes: between(1 << 5, limitBytes / 64, 1 << 18),
      segmentBytes: between(1 << 10, limitBytes / 16, 1 << 22),
    });
    const cells = new DiskCells(options, store, budget, step);
    const snapshots = new DiskSnapshots(options, cells, store);
    return new CellsBackend(options, {
      cells,
      keepsColumns: false,
      onState: (registered) => cells.addState(registered),
      write: (states, writer) => snapshots.write(states, writer),
      close: leave,
    });
  };

function budgetOf({ workspace, site }: KeyedStateOptions, limitBytes: number) {
  const ofThread = budgets.get(workspace) ?? new Map<string, StateBudget>();
  budgets.set(workspace, ofThread);
  const job = site.jobId ?? "";
  const budget = ofThread.get(job) ?? new StateBudget(limitBytes);
  ofThread.set(job, budget);
  const leave = (): void => {
    if (budget.isEmpty) ofThread.delete(job);
  };
  return { budget, number: budget.numbers++, leave };
}
