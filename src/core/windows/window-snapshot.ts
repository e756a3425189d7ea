import type { Field } from "../schema.ts";
import { plainText, plainValue } from "../state/plain-text.ts";
import type { KeyColumns, StateKey } from "../state/state-key.ts";
import { checkStateSchema, keyedTable, keyFields, readStateTable, writeStateTable } from "../state/state-table.ts";
import type { SnapshotReader, SnapshotWriter } from "../state-snapshot.ts";
import { bool, int64, utf8 } from "../types.ts";
import type { Workspace } from "../workspace.ts";
import type { KeptRows } from "./kept-rows.ts";
import type { OpenWindow } from "./open-windows.ts";
import { timersOf } from "./trigger-timers.ts";
import type { TimeWindow } from "./window.ts";
import type { Accumulation } from "./window-contents.ts";
import type { TimeDomain } from "./window-spec.ts";

/** What a snapshot of windows is made of. */
export interface WindowLayout {
  readonly workspace: Workspace;
  readonly keys: KeyColumns;
  readonly rows: KeptRows;
  /** Undefined where rows are kept. */
  readonly accumulation: Accumulation | undefined;
  readonly where: string;
}

/** Takes back what a snapshot holds; `openWindow` gives the window of a key, and makes it where it is new. */
export interface WindowRestore {
  openWindow(key: StateKey, window: TimeWindow): OpenWindow;
  timer(open: OpenWindow, domain: TimeDomain, timeMs: number): void;
}

const WINDOW_FIELDS: readonly Field[] = [
  { name: "startMs", type: int64 },
  { name: "endMs", type: int64 },
];
const DOMAINS = ["event", "processing"] as const;

/**
 * The tables "windows" (a row per key and window), "rows" (a row per kept row, in the order in which they came) and
 * "triggerTimers". The windows come in an order that does not depend on the order in which they were opened.
 */
export function writeWindows(layout: WindowLayout, writer: SnapshotWriter, windows: readonly OpenWindow[]): void {
  const { workspace, rows: kept, accumulation, where } = layout;
  const fields = tableFields(layout);
  const ofWindow = ({ owner, window }: OpenWindow) => [
    owner.key.keyGroup,
    ...owner.key.values,
    window.startMs,
    window.endMs,
  ];
  const blank = accumulation?.fields.map(() => null) ?? [];
  writeStateTable(workspace, writer, { name: "windows", kind: "keyed", fields: fields.windows }, (add) => {
    for (const open of windows) {
      const { accumulator, triggerState, latestMs } = open;
      add([
        ...ofWindow(open),
        Number.isFinite(latestMs) ? latestMs : null,
        triggerState === undefined ? null : plainText(triggerState, `the trigger of ${where}`),
        accumulator !== undefined,
        ...(accumulator === undefined ? blank : (accumulation?.store(accumulator) ?? [])),
      ]);
    }
  });
  writeStateTable(workspace, writer, { name: "triggerTimers", kind: "keyed", fields: fields.timers }, (add) => {
    for (const open of windows) {
      for (const domain of DOMAINS) {
        for (const timeMs of timersOf(open, domain).toSorted((a, b) => a - b)) add([...ofWindow(open), domain, timeMs]);
      }
    }
  });
  if (accumulation !== undefined) return;
  writeStateTable(workspace, writer, { name: "rows", kind: "keyed", fields: fields.rows }, (add) => {
    for (const open of windows) {
      const prefix = ofWindow(open);
      open.rows.forEach((row, i) => {
        add([...prefix, open.times[i], ...kept.store(row)]);
      });
    }
  });
}

/** @throws {PlanError} STATE_INCOMPATIBLE */
export function readWindows(layout: WindowLayout, reader: SnapshotReader, restore: WindowRestore): void {
  const { rows: kept, accumulation } = layout;
  const fields = tableFields(layout);
  const keyEnd = 1 + layout.keys.fields.length;
  const openAt = (values: readonly unknown[]): OpenWindow => {
    const key = layout.keys.restored(values[0] as number, values.slice(1, keyEnd));
    return restore.openWindow(key, { startMs: Number(values[keyEnd]), endMs: Number(values[keyEnd + 1]) });
  };
  const from = keyEnd + 2;
  readTable(layout, reader, "windows", fields.windows, (values) => {
    const open = openAt(values);
    const [latestMs, triggerState, hasAccumulator, ...stored] = values.slice(from);
    if (latestMs !== null) open.latestMs = Number(latestMs);
    if (triggerState !== null) open.triggerState = plainValue(triggerState as string);
    if (hasAccumulator === true) open.accumulator = accumulation?.load(stored);
  });
  readTable(layout, reader, "triggerTimers", fields.timers, (values) => {
    restore.timer(openAt(values), values[from] as TimeDomain, Number(values[from + 1]));
  });
  if (accumulation !== undefined) return;
  readTable(layout, reader, "rows", fields.rows, (values) => {
    const open = openAt(values);
    open.times.push(Number(values[from]));
    open.rows.push(kept.load(values.slice(from + 1)));
  });
}

function tableFields({ keys, rows: kept, accumulation }: WindowLayout) {
  const prefix = [...keyFields(keys.fields), ...WINDOW_FIELDS];
  const windows: Field[] = [
    ...prefix,
    { name: "latestMs", type: int64 },
    { name: "triggerState", type: utf8 },
    { name: "hasAccumulator", type: bool },
    ...(accumulation?.fields ?? []),
  ];
  const timers: Field[] = [...prefix, { name: "domain", type: utf8 }, { name: "timeMs", type: int64 }];
  const rows: Field[] = [...prefix, { name: "timeMs", type: int64 }, ...kept.fields];
  return { windows, timers, rows };
}

function readTable(
  { workspace, rows: kept, where }: WindowLayout,
  reader: SnapshotReader,
  table: string,
  fields: readonly Field[],
  visit: (values: unknown[]) => void,
): void {
  const names = fields.map(({ name }) => name);
  // Of accumulators, too, those that are rows.
  const addable = names.filter((name) => name.startsWith("row.") || kept.addable.includes(name));
  for (const batch of reader.read(table, { ...keyedTable(fields), addable })) {
    try {
      checkStateSchema(`The windows of ${where}`, batch.schema, fields);
      readStateTable(workspace, batch, names, visit);
    } finally {
      batch.release();
    }
  }
}
