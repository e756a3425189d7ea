import type { Output } from "../operator.ts";
import type { ResultShape } from "../operators/map-rows.ts";
import type { Workspace } from "../workspace.ts";
import { TimedRows } from "./timed-rows.ts";

/** Where the rows of a function go: the main output, and side outputs by tag. */
export class FunctionOutputs {
  readonly main: TimedRows;
  readonly sides: ReadonlyMap<string, TimedRows>;

  constructor(
    workspace: Workspace,
    shapes: { readonly main: ResultShape; readonly sides?: Readonly<Record<string, ResultShape>> },
    { where, batchRows }: { readonly where: string; readonly batchRows: number },
  ) {
    this.main = new TimedRows(workspace, shapes.main, { where, batchRows });
    this.sides = new Map(
      Object.entries(shapes.sides ?? {}).map(([tag, shape]) => [
        tag,
        new TimedRows(workspace, shape, { where: `${where}, side output "${tag}"`, batchRows, tag }),
      ]),
    );
  }

  /** A call begins: full batches go to `output`. */
  begin(output: Output): void {
    for (const rows of this.#all) {
      rows.output = output;
      rows.emitted = 0;
    }
  }

  /** Event time of the rows to come, in all outputs. */
  setTime(timeMs: number): void {
    for (const rows of this.#all) rows.timeMs = timeMs;
  }

  flush(): void {
    for (const rows of this.#all) rows.flush();
  }

  close(): void {
    for (const rows of this.#all) rows.close();
  }

  get #all(): TimedRows[] {
    return [this.main, ...this.sides.values()];
  }
}
