import { callSite } from "../api/call-site.ts";
import { checkedOptions } from "../api/options.ts";
import type { Names } from "../api/selected-fields.ts";
import { PlanError } from "../core/errors.ts";
import type { Fields, SimpleType } from "../core/types.ts";
import { DataStream } from "./data-stream.ts";
import { operatorNode } from "./nodes.ts";

declare module "./data-stream.ts" {
  interface DataStream<F extends Fields> {
    /**
     * The changes of a changelog as plain rows, which anything may follow: each with a column that says whether the row
     * was an "insert", "update-before" or "update-after", or a "delete". Of a stream without updates all are inserts.
     * @throws {PlanError} COLUMN_DUPLICATE
     * @example totals.toChangelog().forEach((row) => console.log(row.rowKind, row.total))
     */
    toChangelog<const N extends string = "rowKind">(options?: {
      readonly column?: N;
    }): DataStream<F & { readonly [K in N]: SimpleType<"utf8"> }>;
    /**
     * The inverse of `toChangelog`: rows whose column says what they do, as a changelog of the other columns. Steps that
     * keep results up to date can then follow. A row that is taken back equals one that came before, in all columns.
     * @throws {PlanError} COLUMN_UNKNOWN, ROW_KIND_TYPE, UPDATES_NOT_ACCEPTED
     * @example changes.fromChangelog({ column: "op" }).keyBy("account").aggregate({ balance: sum("amount") })
     */
    fromChangelog<const N extends Names<F> = Names<F> & "rowKind">(options?: {
      readonly column?: N;
    }): DataStream<Omit<F, N>>;
  }
}

/** @throws {PlanError} OPTION_UNKNOWN, OPTION_INVALID */
function columnOption(method: string, options: { readonly column?: string } = {}): string {
  const { column = "rowKind" } = checkedOptions(method, options, ["column"]);
  if (typeof column === "string" && column !== "") return column;
  throw new PlanError("OPTION_INVALID", `${method} was given the column ${String(column)}.`, "Give a name.");
}

DataStream.prototype.toChangelog = function toChangelog(this: DataStream, options?: { readonly column?: string }) {
  const column = columnOption("toChangelog", options);
  const site = callSite();
  const plan = this.plan.map((node) =>
    operatorNode(
      [{ node }],
      { kind: "toChangelog", name: "toChangelog", column },
      { acceptsUpdates: true, emitsUpdates: false, ...(site === undefined ? {} : { callSite: site }) },
    ),
  );
  return new DataStream(this.context, plan);
} as DataStream["toChangelog"];

DataStream.prototype.fromChangelog = function fromChangelog(this: DataStream, options?: { readonly column?: string }) {
  const column = columnOption("fromChangelog", options);
  const site = callSite();
  const plan = this.plan.map((node) => ({
    ...operatorNode(
      [{ node }],
      { kind: "fromChangelog", name: `fromChangelog(${column})`, column },
      { emitsUpdates: true, ...(site === undefined ? {} : { callSite: site }) },
    ),
    // Spread over other subtasks, rows could overtake those that take them back.
    ...(node.parallelism === undefined ? {} : { parallelism: node.parallelism }),
  }));
  return new DataStream(this.context, plan);
} as DataStream["fromChangelog"];
