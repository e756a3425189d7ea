import { buildBatch } from "../../src/core/columns/build.ts";
import type { Schema } from "../../src/core/schema.ts";
import type {
  PruningPredicate,
  Source,
  SourceContext,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitReader,
} from "../../src/core/source.ts";
import type { Row } from "../reference/plan-rows.ts";
import { mayMatch } from "../reference/pruning.ts";

/**
 * Rows as a source for tests of plans, read by the reference interpreter and by engines of one thread. It takes columns
 * and pruning predicates as files do, and prunes as much as a source may: every row that cannot match.
 */
export class RowsSource implements Source {
  readonly spec: SourceSpec = { kind: "rows" };
  readonly schema: Schema;
  readonly statistics: SourceStatistics;
  readonly rows: readonly Row[];
  readonly pruning: PruningPredicate | undefined;
  readonly name: string;

  constructor(
    name: string,
    schema: Schema,
    rows: readonly Row[],
    statistics?: SourceStatistics,
    pruning?: PruningPredicate,
  ) {
    this.name = name;
    this.schema = schema;
    this.rows = rows;
    this.statistics = statistics ?? { rows: rows.length };
    this.pruning = pruning;
  }

  get description(): string {
    return `rows ${this.name}`;
  }

  splits(): readonly Split[] {
    return [{ id: this.name, rows: this.rows.length, payload: null }];
  }

  openSplit(_split: Split, { workspace, batchRows }: SourceContext): SplitReader {
    let next = 0;
    return {
      next: () => {
        if (next >= this.rows.length) return undefined;
        const rows = this.rows.slice(next, next + batchRows);
        next += rows.length;
        return buildBatch(workspace, this.schema, rows);
      },
      close: () => undefined,
    };
  }

  withColumns(names: readonly string[]): RowsSource {
    const rows = this.rows.map((row) => Object.fromEntries(names.map((name) => [name, row[name]])));
    return new RowsSource(this.name, this.schema.pick(names), rows, this.statistics, this.pruning);
  }

  withPruning(predicate: PruningPredicate): RowsSource {
    const rows = this.rows.filter((row) => mayMatch(predicate, row));
    return new RowsSource(this.name, this.schema, rows, this.statistics, predicate);
  }
}
