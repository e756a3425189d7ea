import type { Batch } from "../batch.ts";
import { GroupTable } from "../groups/group-table.ts";
import type { KeyColumns } from "../state/state-key.ts";
import type { Workspace } from "../workspace.ts";
import type { WindowsOfKey } from "./open-windows.ts";
import type { WindowSet } from "./window-set.ts";

/** The windows of the key of each row of a batch; every key is looked up once. */
export class KeysOfRows {
  readonly #workspace: Workspace;
  readonly #names: readonly string[];
  readonly #columns: KeyColumns;
  readonly #windows: WindowSet;
  readonly #groups: GroupTable | undefined;
  #rowGroups: Uint32Array = new Uint32Array(0);
  #known: WindowsOfKey[] = [];

  constructor(workspace: Workspace, names: readonly string[], columns: KeyColumns, windows: WindowSet) {
    this.#workspace = workspace;
    this.#names = names;
    this.#columns = columns;
    this.#windows = windows;
    const types = columns.fields.map(({ type }) => type);
    this.#groups = types.length === 0 ? undefined : new GroupTable(workspace, types);
  }

  bind(batch: Batch): void {
    this.#columns.bind(batch);
    this.#known = [];
    if (this.#groups === undefined) return;
    const columns = this.#names.map((name) => batch.column(name));
    const groups = this.#groups.assign(columns, batch.rowCount);
    this.#rowGroups = this.#workspace.u32.slice(groups.address >>> 2, (groups.address >>> 2) + batch.rowCount);
    groups.release();
    this.#groups.reset();
  }

  unbind(): void {
    this.#columns.unbind();
    this.#known = [];
  }

  /** Rows are asked for in order, since groups are numbered as they come. */
  at(row: number): WindowsOfKey {
    const group = this.#groups === undefined ? 0 : this.#rowGroups[row];
    const known = this.#known[group];
    if (known !== undefined) return known;
    const key = this.#windows.windowsOf(this.#columns.at(row));
    this.#known[group] = key;
    return key;
  }

  release(): void {
    this.#groups?.release();
  }
}
