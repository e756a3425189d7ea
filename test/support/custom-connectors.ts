import type { Batch } from "../../src/core/batch.ts";
import { buildBatch } from "../../src/core/columns/build.ts";
import type { SplitReader } from "../../src/core/source.ts";
import { Schema, type Sink, type SinkWriter, type Source, type Split, types } from "../../src/index.ts";

const schema = Schema.of({ n: types.int32 });

/** A source of the user's own, which never ends: `next` decides how it gives a batch of one row. */
export function endlessSource(next: (give: () => Batch) => ReturnType<SplitReader["next"]>): Source & {
  readonly schema: typeof schema;
} {
  const split: Split = { id: "endless", payload: null };
  return {
    spec: { kind: "endless" },
    schema,
    statistics: {},
    description: "endless",
    splits: () => [split],
    openSplit: (_, { workspace }) => ({
      next: () => next(() => buildBatch(workspace, schema, [{ n: 1 }])),
      close: () => undefined,
    }),
  };
}

/** A sink of the user's own that notes what is asked of it. */
export class NotingSink implements Sink {
  readonly spec = { kind: "noting" };
  readonly description = "noting";
  readonly notes: string[] = [];
  rows = 0;

  begin(): void {
    this.notes.push("begin");
  }

  createWriter(): SinkWriter {
    return {
      write: (batch) => {
        this.rows += batch.rowCount;
      },
      prepareCommit: () => {
        this.notes.push("prepare");
        return null;
      },
      close: () => {
        this.notes.push("close");
      },
    };
  }

  commit(): void {
    this.notes.push("commit");
  }

  abort(): void {
    this.notes.push("abort");
  }
}
