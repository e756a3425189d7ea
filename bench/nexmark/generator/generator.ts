/** The event stream in columns, straight into a workspace's memory. */
import { Batch } from "../../../src/core/batch.ts";
import type { Column } from "../../../src/core/column.ts";
import { allocateBitmap, allocateValues, columnOf } from "../../../src/core/columns/allocate.ts";
import { buildColumn } from "../../../src/core/columns/builder.ts";
import type { Block } from "../../../src/core/memory/block.ts";
import { Schema } from "../../../src/core/schema.ts";
import { int32 } from "../../../src/core/types.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import {
  type NexmarkColumn,
  type NexmarkColumnName,
  nexmarkColumnNames,
  nexmarkColumns,
  TEXT_SLACK_BYTES,
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
    const masks = new Map<EventType, Mask>();
    const columns = this.#names.map((name) => this.#column(name, first, count, masks));
    for (const { bitmap } of masks.values()) bitmap.release();
    return new Batch(this.schema, count, columns);
  }

  close(): void {
    this.#settings.release();
    for (const dictionary of this.#dictionaries.values()) dictionary.release();
  }

  #column(name: NexmarkColumnName, first: number, count: number, masks: Map<EventType, Mask>): Column {
    const { type, of, generation } = nexmarkColumns[name] as NexmarkColumn;
    const settings = this.#settings.address;
    const mask = of === null ? undefined : this.#mask(of, first, count, masks);
    const validity = mask === undefined ? {} : { validity: mask.bitmap.retain() };
    if (generation.kind === "text") {
      const most = (mask?.rows ?? count) * generation.mostBytes + TEXT_SLACK_BYTES;
      const offsets = this.#workspace.allocate((count + 1) * 4);
      const data = this.#workspace.allocate(most);
      generation.write(this.#kernels, settings, first, count, offsets.address, data.address);
      return columnOf(this.#workspace, type, count, { data, offsets, ...validity });
    }
    const dictionary = this.#dictionaries.get(name);
    const data = allocateValues(this.#workspace, dictionary === undefined ? type : int32, count);
    generation.write(this.#kernels, settings, first, count, data.address);
    const encoding = dictionary === undefined ? {} : { dictionary: dictionary.retain() };
    return columnOf(this.#workspace, type, count, { data, ...validity, ...encoding });
  }

  /** Which rows are of a type; the columns of the type share the bitmap. */
  #mask(eventType: EventType, first: number, count: number, masks: Map<EventType, Mask>): Mask {
    const present = masks.get(eventType);
    if (present !== undefined) return present;
    const bitmap = allocateBitmap(this.#workspace, count);
    const rows = this.#kernels.typeMask(this.#settings.address, first, count, eventType, bitmap.address);
    const mask = { bitmap, rows };
    masks.set(eventType, mask);
    return mask;
  }
}

interface Mask {
  readonly bitmap: Block;
  readonly rows: number;
}
