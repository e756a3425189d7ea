import type { Table } from "apache-arrow";
import { fromArrow } from "../../core/arrow.ts";
import { schemaFromArrow } from "../../core/arrow-types.ts";
import type { Schema } from "../../core/schema.ts";
import type { Source, SourceContext, SourceSpec, SourceStatistics, Split, SplitReader } from "../../core/source.ts";

/** Data of the running program: read on the planning thread, through the live object. */
export interface TableSourceSpec extends SourceSpec {
  readonly kind: "table";
  readonly table: Table;
  readonly columns?: readonly string[];
}

/**
 * An apache-arrow Table, a split per record batch. Apart from the other sources in memory, since it needs apache-arrow,
 * which takes as long to load as all of the engine.
 */
export class TableSource implements Source {
  readonly spec: TableSourceSpec;
  readonly schema: Schema;
  readonly #table: Table;

  constructor(table: Table, columns?: readonly string[]) {
    this.spec = { kind: "table", table, ...(columns === undefined ? {} : { columns }) };
    this.#table = table;
    const whole = schemaFromArrow(table.schema);
    this.schema = columns === undefined ? whole : whole.pick(columns);
  }

  get statistics(): SourceStatistics {
    return { rows: this.#table.numRows };
  }

  get description(): string {
    return `arrow table (${this.#table.numRows} rows)`;
  }

  splits(): readonly Split[] {
    return this.#table.batches.map((batch, i) => ({ id: `record batch ${i}`, rows: batch.numRows, payload: i }));
  }

  openSplit(split: Split, { workspace, batchRows }: SourceContext): SplitReader {
    const { names } = schemaFromArrow(this.#table.schema);
    // By position: apache-arrow's `select` by name leaves the children at the places that they had.
    const recordBatch = this.#table.batches[Number(split.payload)].selectAt(
      this.schema.names.map((name) => names.indexOf(name)),
    );
    let row = 0;
    return {
      next: () => {
        if (row >= recordBatch.numRows) return undefined;
        const end = Math.min(recordBatch.numRows, row + batchRows);
        const batch = fromArrow(workspace, recordBatch.slice(row, end), this.schema);
        row = end;
        return batch;
      },
      close: () => {
        row = recordBatch.numRows;
      },
    };
  }

  withColumns(columns: readonly string[]): TableSource {
    return new TableSource(this.#table, columns);
  }
}
