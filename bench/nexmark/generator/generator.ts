/** The event stream in columns, straight into a workspace's memory. */
import { Batch } from "../../../src/core/batch.ts";
import type { Column } from "../../../src/core/column.ts";
import { allocateBitmap, allocateValues, columnOf } from "../../../src/core/columns/allocate.ts";
import { buildColumn } from "../../../src/core/columns/builder.ts";
import type { Block } from "../../../src/core/memory/block.ts";
import { Schema } from "../../../src/core/schema.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import {
  type EventRange,
  type NexmarkColumn,
  type NexmarkColumnName,
  nexmarkColumnNames,
  nexmarkColumns,
  TEXT_SLACK_BYTES,
  type Writer,
} from "./columns.ts";
import { checkConfiguration, type EventType, MOST_EVENTS, type NexmarkConfiguration } from "./configuration.ts";
import { type NexmarkKernels, nexmarkKernels } from "./kernels.ts";
import { writeSettings } from "./settings.ts";

/** The schema of some columns, in the given order. */
export const nexmarkSchema = (names: readonly NexmarkColumnName[] = nexmarkColumnNames): Schema =>
  new Schema(names.map((name) => ({ name, type: nexmarkColumns[name].type })));

/**
 * Generates any range of the stream; what it generates depends on the configuration and the positions alone.
 * Only the columns asked for are computed. `buildNexmarkKernels` must have been called in the project once.
 */
export class NexmarkGenerator {
  readonly schema: Schema;
  readonly #workspace: Workspace;
  readonly #kernels: NexmarkKernels;
  readonly #seed: number;
  readonly #names: readonly NexmarkColumnName[];
  readonly #settings: Block;
  readonly #dictionaries = new Map<NexmarkColumnName, Column>();

  constructor(
    workspace: Workspace,
    configuration: NexmarkConfiguration,
    names: readonly NexmarkColumnName[] = nexmarkColumnNames,
  ) {
    this.schema = nexmarkSchema(names);
    this.#workspace = workspace;
    this.#kernels = nexmarkKernels(workspace);
    this.#seed = checkConfiguration(configuration).seed;
    this.#names = names;
    this.#settings = writeSettings(workspace, configuration);
    for (const name of names) {
      const { generation, type } = nexmarkColumns[name] as NexmarkColumn;
      if (generation.kind !== "dictionary") continue;
      this.#dictionaries.set(name, buildColumn(workspace, type, generation.values(this.#seed)));
    }
  }

  /** The events that arrive at positions [first, first + count); the caller owns the batch. */
  batch(first: number, count: number): Batch {
    if (first < 0 || first + count > MOST_EVENTS) throw new RangeError(`Nexmark has no events behind ${MOST_EVENTS}`);
    const settings = this.#settings.address;
    const rowBytes = wholeGroup(count) * 4;
    const events = this.#workspace.allocate(4 * rowBytes);
    this.#kernels.describeEvents(settings, first, count, events.address);
    const range = { settings, events: events.address, scratch: events.address + 3 * rowBytes, first, count };
    const made: Made = { masks: new Map(), indices: new Map() };
    const columns = this.#names.map((name) => this.#column(name, range, made));
    for (const { bitmap } of made.masks.values()) bitmap.release();
    for (const indices of made.indices.values()) indices.release();
    events.release();
    return new Batch(this.schema, count, columns);
  }

  close(): void {
    this.#settings.release();
    for (const dictionary of this.#dictionaries.values()) dictionary.release();
  }

  #column(name: NexmarkColumnName, range: EventRange, made: Made): Column {
    const { type, of, generation } = nexmarkColumns[name] as NexmarkColumn;
    const { count } = range;
    const mask = of === null ? undefined : this.#mask(of, range, made);
    const validity = mask === undefined ? {} : { validity: mask.bitmap.retain() };
    if (generation.kind === "text") {
      const most = (mask?.rows ?? count) * generation.mostBytes + TEXT_SLACK_BYTES;
      const offsets = this.#workspace.allocate((wholeGroup(count) + 1) * 4);
      const data = this.#workspace.allocate(most);
      generation.write(this.#kernels, range, offsets.address, data.address);
      return columnOf(this.#workspace, type, count, { data, offsets, ...validity });
    }
    const dictionary = this.#dictionaries.get(name);
    if (dictionary !== undefined) {
      const data = this.#indices(generation.write, range, made);
      return columnOf(this.#workspace, type, count, { data, ...validity, dictionary: dictionary.retain() });
    }
    const data = allocateValues(this.#workspace, type, wholeGroup(count));
    generation.write(this.#kernels, range, data.address);
    return columnOf(this.#workspace, type, count, { data, ...validity });
  }

  #indices(write: Writer, range: EventRange, made: Made): Block {
    const present = made.indices.get(write);
    if (present !== undefined) return present.retain();
    const indices = this.#workspace.allocate(wholeGroup(range.count) * 4);
    write(this.#kernels, range, indices.address);
    made.indices.set(write, indices.retain());
    return indices;
  }

  /** Which rows are of a type; the columns of the type share the bitmap. */
  #mask(eventType: EventType, { events, count }: EventRange, { masks }: Made): Mask {
    const present = masks.get(eventType);
    if (present !== undefined) return present;
    const bitmap = allocateBitmap(this.#workspace, count);
    const rows = this.#kernels.typeMask(events, count, eventType, bitmap.address);
    const mask = { bitmap, rows };
    masks.set(eventType, mask);
    return mask;
  }
}

/** Kernels write four rows at a time, and at least four. */
const wholeGroup = (count: number): number => Math.max(4, Math.ceil(count / 4) * 4);

/** What columns of one batch share. */
interface Made {
  readonly masks: Map<EventType, Mask>;
  readonly indices: Map<Writer, Block>;
}

interface Mask {
  readonly bitmap: Block;
  readonly rows: number;
}
