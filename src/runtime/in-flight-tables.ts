import { Batch } from "../core/batch.ts";
import type { Column } from "../core/column.ts";
import { allocateBitmap, columnOf } from "../core/columns/allocate.ts";
import { buildBatch } from "../core/columns/build.ts";
import { readRows } from "../core/columns/read.ts";
import { sliceBatch } from "../core/columns/slice.ts";
import { assert, PlanError } from "../core/errors.ts";
import { Schema } from "../core/schema.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import { type ControlElement, isControl, type StreamElement } from "../core/stream-element.ts";
import { int8, int32, int64, utf8 } from "../core/types.ts";
import type { Workspace } from "../core/workspace.ts";
import { readWatermark } from "./chain-watermarks.ts";
import type { ChannelInFlight, InFlight } from "./in-flight.ts";
import type { InputStatus } from "./input-watermarks.ts";

/*
 * What was on its way to the subtasks of a step, as tables of that step:
 *
 *   inFlightChannels  a row per channel of each subtask that had something in flight: what was known of its event time
 *   inFlightControls  watermarks, idleness and the end, where they stood between rows
 *   inFlightRows0     rows of input 0, and so on
 *
 * `subtask`, `stage` and `channel` name the channel, `element` counts what it held: rows with one number came together.
 * docs/savepoint-format.md tells readers of it.
 */

const CHANNELS_TABLE = "inFlightChannels";
const CONTROLS_TABLE = "inFlightControls";
const ROWS_TABLE = "inFlightRows";

const CHANNELS_SCHEMA = Schema.of({
  subtask: int32,
  stage: int32,
  channel: int32,
  parallelism: int32,
  input: int32,
  status: utf8,
  watermarkMs: int64,
  subtaskWatermarkMs: int64,
});
const CONTROLS_SCHEMA = Schema.of({
  subtask: int32,
  stage: int32,
  channel: int32,
  element: int32,
  kind: utf8,
  watermarkMs: int64,
});
const PLACE_FIELDS = Schema.of({ subtask: int32, stage: int32, channel: int32, element: int32 }).fields;
const MARK_FIELDS = Schema.of({ rowKind: int8, rowTimeMs: int64 }).fields;
/** Of the columns of a table of rows. */
const FIRST_COLUMN = PLACE_FIELDS.length + MARK_FIELDS.length;

/** Whether a table holds what was in flight. */
export const isInFlightTable = (table: string): boolean =>
  table === CHANNELS_TABLE || table === CONTROLS_TABLE || table.startsWith(ROWS_TABLE);

/** The inputs that rows were on their way to, of the tables of a step; undefined where nothing was in flight. */
export function inputsInFlight(tables: readonly string[]): number[] | undefined {
  if (!tables.includes(CHANNELS_TABLE)) return undefined;
  const rows = tables.filter((table) => table.startsWith(ROWS_TABLE));
  return rows.map((table) => Number(table.slice(ROWS_TABLE.length)));
}

/** Whose tables they are. */
export interface InFlightPlace {
  readonly workspace: Workspace;
  readonly subtask: number;
  readonly parallelism: number;
}

/** Adds what is in flight to the tables of a step. Batches are shared, not copied. */
export function writeInFlight(place: InFlightPlace, writer: SnapshotWriter, { watermarkMs, stages }: InFlight): void {
  const { workspace, subtask, parallelism } = place;
  const channels: object[] = [];
  const controls: object[] = [];
  for (const [stage, ofStage] of stages.entries()) {
    for (const [channel, { input, status, watermarkMs: channelMs, elements, hasEnded }] of ofStage.entries()) {
      const where = { subtask, stage, channel };
      const times = { watermarkMs: BigInt(channelMs), subtaskWatermarkMs: BigInt(watermarkMs) };
      channels.push({ ...where, parallelism, input, status, ...times });
      for (const [element, each] of elements.entries()) {
        if (!isControl(each)) {
          const rows = placedRows(workspace, each, [subtask, stage, channel, element]);
          writer.write(`${ROWS_TABLE}${input}`, "union", rows);
          continue;
        }
        const timeMs = each.kind === "watermark" ? BigInt(each.timeMs) : null;
        controls.push({ ...where, element, kind: each.kind, watermarkMs: timeMs });
      }
      if (hasEnded) controls.push({ ...where, element: elements.length, kind: "end", watermarkMs: null });
    }
  }
  writer.write(CHANNELS_TABLE, "union", buildBatch(workspace, CHANNELS_SCHEMA, channels));
  writer.write(CONTROLS_TABLE, "union", buildBatch(workspace, CONTROLS_SCHEMA, controls));
}

/** The rows of a batch behind the place where it was, and what the stream knows of each. */
function placedRows(workspace: Workspace, batch: Batch, place: readonly number[]): Batch {
  const { rowCount, schema, columns, rowKinds, rowTimes } = batch;
  const fields = schema.fields.map(({ name, type }) => ({ name: `row.${name}`, type }));
  const numbers = place.map((value) => {
    const data = workspace.allocate(rowCount * 4);
    workspace.i32.fill(value, data.address >>> 2, (data.address >>> 2) + rowCount);
    return columnOf(workspace, int32, rowCount, { data });
  });
  const nulls = (type: typeof int8 | typeof int64, width: number): Column => {
    const data = workspace.allocateZeroed(rowCount * width);
    return columnOf(workspace, type, rowCount, { data, validity: allocateBitmap(workspace, rowCount) });
  };
  const marks = [rowKinds?.retain() ?? nulls(int8, 1), rowTimes?.retain() ?? nulls(int64, 8)];
  const all = [...numbers, ...marks, ...columns.map((column) => column.retain())];
  return new Batch(new Schema([...PLACE_FIELDS, ...MARK_FIELDS, ...fields]), rowCount, all);
}

/** What a restored subtask takes of what was in flight. */
export interface InFlightOwner extends InFlightPlace {
  /** For messages. */
  readonly uid: string;
  /** Of an input; undefined where rows in flight to it cannot be given to the step any more. */
  schemaOf(input: number): Schema | undefined;
  /**
   * The rows of a batch that this subtask gets, where the job has another layout than before; undefined where there are
   * none. The caller keeps the batch, and owns what it gets.
   */
  owned(batch: Batch, input: number, channel: number): Batch | undefined;
}

/**
 * What was in flight to a subtask, or in a new layout its share of what was to all: the rows that it owns now of every
 * channel, whose watermarks all count. Undefined where nothing was. The caller owns the batches.
 * @throws {PlanError} IN_FLIGHT_INCOMPATIBLE
 */
export function readInFlight(owner: InFlightOwner, reader: SnapshotReader): InFlight | undefined {
  const channels = new Map<string, RestoredChannel>();
  // In a new layout rows of other subtasks are judged here: what the slowest of them had not reached is not late.
  let watermarkMs = readWatermark(owner, reader);
  const rowsOf = (table: string) => readTable(owner.workspace, reader, table);
  for (const row of rowsOf(CHANNELS_TABLE)) {
    const isAsBefore = row.parallelism === owner.parallelism && reader.hasNewLayout !== true;
    if (isAsBefore && row.subtask !== owner.subtask) continue;
    if (isAsBefore) watermarkMs = Number(row.subtaskWatermarkMs);
    const status = row.status as InputStatus;
    channels.set(placeOf(row), {
      input: Number(row.input),
      stage: Number(row.stage),
      isAsBefore,
      // Which channels were idle together was the affair of one subtask.
      status: status === "IDLE" && !isAsBefore ? "ACTIVE" : status,
      watermarkMs: Number(row.watermarkMs),
      elements: [],
      hasEnded: false,
    });
  }
  if (channels.size === 0) return undefined;
  for (const row of rowsOf(CONTROLS_TABLE)) {
    const channel = channels.get(placeOf(row));
    if (channel === undefined) continue;
    if (row.kind === "end") channel.hasEnded = true;
    else if (channel.isAsBefore || row.kind === "watermark") channel.elements[Number(row.element)] = controlOf(row);
  }
  try {
    for (const input of inputsInFlight(reader.tables) ?? []) restoreRows(owner, reader, input, channels);
  } catch (thrown) {
    for (const { elements } of channels.values()) releaseAll(elements);
    throw thrown;
  }
  const stages: ChannelInFlight[][] = [];
  for (const { stage, elements, ...channel } of channels.values()) {
    while (stages.length <= stage) stages.push([]);
    stages[stage].push({ ...channel, elements: elements.filter((element) => element !== undefined) });
  }
  return { watermarkMs, stages };
}

interface RestoredChannel extends Omit<ChannelInFlight, "elements" | "hasEnded"> {
  readonly stage: number;
  readonly isAsBefore: boolean;
  /** By their numbers; without those whose rows other subtasks get. */
  readonly elements: (StreamElement | undefined)[];
  hasEnded: boolean;
}

function restoreRows(
  owner: InFlightOwner,
  reader: SnapshotReader,
  input: number,
  channels: ReadonlyMap<string, RestoredChannel>,
): void {
  const { workspace, uid } = owner;
  for (const batch of reader.read(`${ROWS_TABLE}${input}`)) {
    try {
      const schema = owner.schemaOf(input);
      const found = batch.schema.fields.slice(FIRST_COLUMN).map(({ name, type }) => ({ name: name.slice(4), type }));
      if (schema?.equals(new Schema(found)) !== true) throw inFlightIncompatible(uid, schema, found);
      for (const { start, length, place } of runsOf(workspace, batch)) {
        const [subtask, stage, channelNumber, element] = place;
        const channel = channels.get(placeOf({ subtask, stage, channel: channelNumber }));
        if (channel === undefined) continue;
        const rows = unplacedRows(workspace, batch, schema, start, length);
        const owned = channel.isAsBefore ? rows.retain() : owner.owned(rows, input, channelNumber);
        rows.release();
        if (owned === undefined) continue;
        assert(channel.elements[element] === undefined, "what came together is stored together");
        channel.elements[element] = owned;
      }
    } finally {
      batch.release();
    }
  }
}

/** Rows that came together. */
function* runsOf(workspace: Workspace, { columns, rowCount }: Batch) {
  const numbers = columns.slice(0, PLACE_FIELDS.length).map(({ data }) => data >>> 2);
  const placeAt = (row: number) => numbers.map((at) => workspace.i32[at + row]);
  for (let start = 0; start < rowCount; ) {
    const place = placeAt(start);
    let end = start + 1;
    while (end < rowCount && placeAt(end).every((number, i) => number === place[i])) end++;
    yield { start, length: end - start, place };
    start = end;
  }
}

/** The rows as they were. */
function unplacedRows(workspace: Workspace, batch: Batch, schema: Schema, start: number, length: number): Batch {
  const slice = sliceBatch(workspace, batch, start, length);
  const [kinds, times, ...columns] = slice.columns.slice(PLACE_FIELDS.length).map((column) => column.retain());
  slice.release();
  const marks = { ...markOf("kinds", kinds), ...markOf("times", times) };
  return new Batch(schema, length, columns, marks);
}

function markOf(name: "kinds" | "times", column: Column): Partial<Record<"kinds" | "times", Column>> {
  if (column.nullCount === 0) return { [name]: column };
  column.release();
  return {};
}

const placeOf = ({ subtask, stage, channel }: Record<string, unknown>): string => `${subtask} ${stage} ${channel}`;

function controlOf({ kind, watermarkMs }: Record<string, unknown>): ControlElement {
  if (kind === "watermark") return { kind, timeMs: Number(watermarkMs) };
  assert(kind === "idle" || kind === "active", "a known kind of element");
  return { kind };
}

function readTable(workspace: Workspace, reader: SnapshotReader, table: string): Record<string, unknown>[] {
  return [...reader.read(table)].flatMap((batch) => {
    const rows = readRows(workspace, batch);
    batch.release();
    return rows;
  });
}

function releaseAll(elements: readonly (StreamElement | undefined)[]): void {
  for (const element of elements) if (element !== undefined && !isControl(element)) element.release();
}

/** `schema`: what the step reads now, where rows can be given to it; `found`: what was in flight. */
export const inFlightIncompatible = (uid: string, schema: Schema | undefined, found?: Schema["fields"]): PlanError => {
  const columns = found === undefined ? "" : `, of the columns ${new Schema(found).toString()}`;
  const reads = schema === undefined ? "has no such input" : `reads the columns ${schema.toString()} now`;
  return new PlanError(
    "IN_FLIGHT_INCOMPATIBLE",
    `The checkpoint holds rows on their way to the step "${uid}"${columns}, which ${reads}.`,
    "Go on from it with the program as it was, and change it behind a savepoint: no rows are on their way there.",
  );
};
