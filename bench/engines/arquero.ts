/** arquero as a contender: one query closure per case. */
import type { table } from "arquero";
import type { BenchCase, Finished, Session } from "../harness/suite.ts";
import { summarise } from "../harness/summary.ts";

export type ColumnTable = ReturnType<typeof table>;

export class ArqueroSession implements Session {
  constructor(readonly queries: Readonly<Record<string, () => ColumnTable>>) {}

  supports({ name }: BenchCase): boolean {
    return name in this.queries;
  }

  async run({ name }: BenchCase): Promise<Finished> {
    const answer = this.queries[name]?.();
    if (answer === undefined) throw new Error(`no query ${name}`);
    return {
      summary: async (shape) =>
        summarise({ rowCount: answer.numRows(), column: (column) => (row) => answer.get(column, row) }, shape),
    };
  }

  close(): void {}
}
