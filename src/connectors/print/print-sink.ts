import type { Sink, SinkContext, SinkFactory, SinkSpec, SinkWriter } from "../../core/sink.ts";
import { columnJson } from "../json/json-text.ts";

export interface PrintSinkSpec extends SinkSpec {
  readonly kind: "print";
  /** Before each row. */
  readonly label?: string;
}

export const printSink: SinkFactory = (spec) => new PrintSink(spec as PrintSinkSpec);

/** What a row does in a changelog, by its kind. */
const KINDS = ["+I ", "-U ", "+U ", "-D "];

/**
 * Rows as JSON on standard output, a line each: `label> {...}`, `label:2> {...}` from subtask 2 of several. A row of a
 * changelog says first what it does: `+I {...}` is there, `-U {...}` is taken back, `+U {...}` stands for it, `-D {...}`
 * is gone.
 */
export class PrintSink implements Sink {
  readonly spec: PrintSinkSpec;
  readonly description = "print";
  /** What another thread prints may be lost when it ends. */
  readonly staysWithCaller = true;
  readonly acceptsUpdates = true;

  constructor(spec: PrintSinkSpec = { kind: "print" }) {
    this.spec = spec;
  }

  begin(): void {
    // Nothing to prepare.
  }

  createWriter({ workspace, host, subtask, parallelism }: SinkContext): SinkWriter {
    const { label = "" } = this.spec;
    const number = parallelism > 1 ? String(subtask) : "";
    const prefix = [label, number].filter((part) => part !== "").join(":");
    const start = prefix === "" ? "" : `${prefix}> `;
    return {
      write: (batch) => {
        const labels = batch.schema.names.map((name, i) => `${i === 0 ? "" : ","}${JSON.stringify(name)}:`);
        const values = batch.columns.map((column) => columnJson(workspace, column));
        const kinds = batch.rowKinds?.data;
        let text = "";
        for (let row = 0; row < batch.rowCount; row++) {
          text += `${start}${kinds === undefined ? "" : KINDS[workspace.u8[kinds + row]]}{`;
          for (let i = 0; i < values.length; i++) text += labels[i] + values[i](row);
          text += "}\n";
        }
        if (text !== "") host.terminal?.output?.write(text);
      },
      prepareCommit: () => null,
      close: () => undefined,
    };
  }

  commit(): void {
    // It is printed.
  }

  abort(): void {
    // What was printed cannot be taken back.
  }
}
