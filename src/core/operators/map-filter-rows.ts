import type { Batch } from "../batch.ts";
import { gatherBatch } from "../columns/gather.ts";
import { asEngineError } from "../errors.ts";
import type { Operator, OperatorContext, Output, Progress } from "../operator.ts";
import { canFilterResults, createRowMapperWithFilter, type RowMapperWithFilter } from "../rows/row-mapper.ts";
import type { RuntimeContext } from "../rows/runtime-context.ts";
import type { Schema } from "../schema.ts";
import type { Workspace } from "../workspace.ts";
import type { FilterRows } from "./filter-rows.ts";
import { type MapRows, mapperOptions, withMarks } from "./map-rows.ts";

/** Whether a map and the filter behind it can run as one `MapFilterRows`. */
export const canFuse = (map: MapRows): boolean => canFilterResults(map.outputSchema);

/**
 * A map and the filter behind it in one loop: each result is shown to the filter while it is still in the cache.
 * Neither operator may be opened or used apart any more.
 * Input, output, state, watermark, late rows and errors: as those of `MapRows` with `FilterRows` behind it, except that
 * the two functions are called in turn for each row, where apart each of them is called for a whole batch.
 */
export class MapFilterRows implements Operator {
  readonly outputSchema: Schema;
  readonly #map: MapRows;
  readonly #filter: FilterRows;
  readonly #filterName: string;
  #workspace!: Workspace;
  #mapper: RowMapperWithFilter<RuntimeContext> | undefined;

  /** `filterName` is put on errors of the filter, where errors of the map get the name of this operator. */
  constructor(map: MapRows, filter: FilterRows, filterName: string) {
    this.#map = map;
    this.#filter = filter;
    this.#filterName = filterName;
    this.outputSchema = map.outputSchema;
  }

  open(context: OperatorContext): void {
    this.#workspace = context.workspace;
    this.#map.user.open(context);
    this.#named(() => this.#filter.user.open(context));
  }

  processBatch(batch: Batch, output: Output): Progress {
    const { rowCount } = batch;
    if (rowCount === 0) return "done";
    this.#mapper ??= createRowMapperWithFilter(
      this.#workspace,
      { schema: this.#map.inputSchema, sample: batch },
      this.outputSchema,
      mapperOptions(this.#map),
      this.#filter.user.text,
    );
    const mapper = this.#mapper;
    const workspace = this.#workspace;
    const indices = workspace.allocate(rowCount * 4);
    try {
      const kept = new Uint32Array(workspace.memory.buffer, indices.address, rowCount);
      const { results, count } = this.#select(mapper, batch, kept);
      const rows = withMarks(results, batch);
      if (count === rowCount) {
        output.emit(rows);
        return "done";
      }
      try {
        if (count > 0) output.emit(gatherBatch(workspace, rows, indices.address, count));
      } finally {
        rows.release();
      }
    } finally {
      indices.release();
    }
    return "done";
  }

  endInput(): Progress {
    return "done";
  }

  close(): void {
    this.#mapper?.close();
    this.#mapper = undefined;
    try {
      this.#map.user.close();
    } finally {
      this.#named(() => this.#filter.user.close());
    }
  }

  #select(mapper: RowMapperWithFilter<RuntimeContext>, batch: Batch, kept: Uint32Array) {
    const map = this.#map.user;
    const filter = this.#filter.user;
    try {
      return mapper.mapAndSelect(batch, map.call, map.context, filter.call, filter.context, kept);
    } catch (thrown) {
      if (!mapper.isFiltering) throw map.wrap(thrown, mapper.row);
      return this.#named(() => {
        throw filter.wrap(thrown, mapper.row);
      });
    }
  }

  /** Puts the filter's name on what the call throws. */
  #named<T>(call: () => T): T {
    try {
      return call();
    } catch (thrown) {
      const error = asEngineError(thrown);
      error.operator ??= this.#filterName;
      throw error;
    }
  }
}
