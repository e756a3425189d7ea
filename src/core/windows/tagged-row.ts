import type { JoinSide } from "../joins/join-plan.ts";
import type { Row, RowReader } from "../rows/row-view.ts";

/**
 * A row of one of two streams that share windows, as their triggers, evictors and own windows see it. Both parts are
 * plain objects, not to be changed, and may be kept.
 */
export type TaggedRow<L = Row, R = Row> =
  | { readonly side: "left"; readonly row: L }
  | { readonly side: "right"; readonly row: R };

/** What windows need of a reader of rows. */
export interface WindowRowReader extends Pick<RowReader, "bind" | "unbind" | "viewAt" | "retire"> {
  /** The row as a window keeps it; `view` is what `viewAt` gave for it. */
  keep(row: number, view: Row): Row;
}

export function plainReader(reader: RowReader): WindowRowReader {
  return {
    bind: (batch) => reader.bind(batch),
    unbind: () => reader.unbind(),
    viewAt: (row) => reader.viewAt(row),
    retire: (view) => reader.retire(view),
    keep: (row) => reader.copyAt(row),
  };
}

/** Gives each row as a `TaggedRow` that is made once: windows of two streams keep their rows anyway. */
export function taggedReader(reader: RowReader, side: JoinSide): WindowRowReader {
  return {
    bind: (batch) => reader.bind(batch),
    unbind: () => reader.unbind(),
    viewAt: (row) => ({ side, row: reader.copyAt(row) }),
    retire: () => {},
    keep: (_row, view) => view,
  };
}
