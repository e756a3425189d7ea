/** The event stream as a source of the engine: a split is a range of positions. */
import { PlanError } from "../../../src/core/errors.ts";
import type { Source, SourceContext, SourceStatistics, Split, SplitReader } from "../../../src/core/source.ts";
import { type NexmarkColumnName, nexmarkColumnNames, nexmarkColumns } from "./columns.ts";
import { checkConfiguration, type NexmarkConfiguration } from "./configuration.ts";
import { tellFirstEvent } from "./first-event.ts";
import { NexmarkGenerator, nexmarkSchema } from "./generator.ts";

export interface NexmarkSourceSpec {
  readonly kind: "nexmark";
  readonly configuration: NexmarkConfiguration;
  /** The stream ends after so many events. */
  readonly events: number;
  /** Events of one split; splits are in the order of event time. Default 2^20. */
  readonly splitEvents?: number;
  readonly columns?: readonly NexmarkColumnName[];
  readonly [key: string]: unknown;
}

const SPLIT_EVENTS = 1 << 20;

export class NexmarkSource implements Source {
  readonly spec: NexmarkSourceSpec;
  readonly schema;
  readonly #columns: readonly NexmarkColumnName[];

  constructor(spec: NexmarkSourceSpec) {
    checkConfiguration(spec.configuration);
    this.spec = spec;
    this.#columns = spec.columns ?? nexmarkColumnNames;
    this.schema = nexmarkSchema(this.#columns);
  }

  get statistics(): SourceStatistics {
    return { rows: this.spec.events };
  }

  get description(): string {
    return `nexmark ${this.spec.events} events`;
  }

  splits(): readonly Split[] {
    const splits: Split[] = [];
    const { events, splitEvents = SPLIT_EVENTS } = this.spec;
    for (let first = 0; first < events; first += splitEvents) {
      const count = Math.min(splitEvents, events - first);
      splits.push({ id: `nexmark from ${first}`, rows: count, payload: { first, count } });
    }
    return splits;
  }

  openSplit(split: Split, { workspace, batchRows }: SourceContext): SplitReader {
    const { first, count } = split.payload as { readonly first: number; readonly count: number };
    const generator = new NexmarkGenerator(workspace, this.spec.configuration, this.#columns);
    let row = 0;
    return {
      next: () => {
        if (first === 0 && row === 0) tellFirstEvent();
        if (row >= count) return undefined;
        const rows = Math.min(batchRows, count - row);
        const batch = generator.batch(first + row, rows);
        row += rows;
        return batch;
      },
      close: () => generator.close(),
    };
  }

  withColumns(names: readonly string[]): NexmarkSource {
    const columns = names.map((name) => {
      if (isColumn(name)) return name;
      throw new PlanError("COLUMN_UNKNOWN", `Nexmark has no column "${name}".`, "See nexmarkColumns for its columns.");
    });
    return new NexmarkSource({ ...this.spec, columns });
  }
}

const isColumn = (name: string): name is NexmarkColumnName => Object.hasOwn(nexmarkColumns, name);
