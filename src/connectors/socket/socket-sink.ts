import type { Batch } from "../../core/batch.ts";
import { ExternalError, PlanError } from "../../core/errors.ts";
import type { Schema } from "../../core/schema.ts";
import type { Sink, SinkContext, SinkFactory, SinkSpec, SinkWriter } from "../../core/sink.ts";
import { columnText } from "../files/value-text.ts";
import { columnJson } from "../json/json-text.ts";
import { checkAddress, ReconnectingSocket, type SocketAddress } from "./reconnecting.ts";

export interface SocketSinkSpec extends SinkSpec, SocketAddress {
  readonly kind: "socket";
  /** "text": the only column as it is; "json" (default): an object per row. Each row is a line. */
  readonly format?: "text" | "json";
}

export const socketSink: SinkFactory = (spec) => new SocketSink(spec as SocketSinkSpec);

/**
 * Sends rows as lines to a server, at once: a batch that a lost connection may have swallowed is sent again, and what a
 * restored job gives again is sent again (at least once).
 * @throws {PlanError} OPTION_INVALID, TEXT_COLUMNS. @throws {ExternalError} CONNECTION_FAILED, CONNECTION_LOST
 */
export class SocketSink implements Sink {
  readonly spec: SocketSinkSpec;

  constructor(spec: SocketSinkSpec) {
    checkAddress(spec);
    if (spec.format !== undefined && spec.format !== "text" && spec.format !== "json") {
      throw new PlanError("OPTION_INVALID", `format is ${JSON.stringify(spec.format)}.`, 'It is "text" or "json".');
    }
    this.spec = spec;
  }

  get description(): string {
    return `socket ${this.spec.host ?? "localhost"}:${this.spec.port}`;
  }

  begin(): void {
    // Writers connect with their first row.
  }

  createWriter(context: SinkContext): SinkWriter {
    const lines = this.spec.format === "text" ? textLines(context.schema) : jsonLines;
    const socket = new ReconnectingSocket(context.host, this.spec);
    return {
      write: (batch) => (batch.rowCount === 0 ? undefined : send(socket, encoder.encode(lines(context, batch)))),
      prepareCommit: () => {
        socket.close();
        return null;
      },
      close: () => socket.close(),
    };
  }

  commit(): void {
    // It is sent.
  }

  abort(): void {
    // What was sent cannot be taken back.
  }
}

const encoder = new TextEncoder();

async function send(socket: ReconnectingSocket, bytes: Uint8Array): Promise<void> {
  for (;;) {
    const connection = await socket.connection();
    if (connection === undefined) return;
    try {
      await connection.write(bytes);
      socket.succeeded();
      return;
    } catch (thrown) {
      if (!(thrown instanceof ExternalError) || !(await socket.retry())) throw thrown;
    }
  }
}

type Lines = (context: SinkContext, batch: Batch) => string;

function textLines(schema: Schema): Lines {
  if (schema.fields.length !== 1) {
    throw new PlanError(
      "TEXT_COLUMNS",
      `Text lines are written from one column, but the columns are: ${schema}.`,
      'Select one column of a simple type, or set format: "json".',
    );
  }
  return ({ workspace }, batch) => {
    const text = columnText(workspace, batch.columns[0]);
    let lines = "";
    for (let row = 0; row < batch.rowCount; row++) lines += `${text(row) ?? ""}\n`;
    return lines;
  };
}

const jsonLines: Lines = ({ workspace }, batch) => {
  const labels = batch.schema.names.map((name, i) => `${i === 0 ? "{" : ","}${JSON.stringify(name)}:`);
  const values = batch.columns.map((column) => columnJson(workspace, column));
  let lines = "";
  for (let row = 0; row < batch.rowCount; row++) {
    if (labels.length === 0) lines += "{";
    for (let i = 0; i < values.length; i++) lines += labels[i] + values[i](row);
    lines += "}\n";
  }
  return lines;
};
