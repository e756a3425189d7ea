import type { Batch } from "../../core/batch.ts";
import { ExternalError, PlanError } from "../../core/errors.ts";
import { Schema } from "../../core/schema.ts";
import type {
  Json,
  Source,
  SourceContext,
  SourceFactory,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitReader,
} from "../../core/source.ts";
import { utf8 } from "../../core/types.ts";
import { LineCutter } from "./line-cutter.ts";
import { checkAddress, ReconnectingSocket, type SocketAddress } from "./reconnecting.ts";

export interface SocketTextSourceSpec extends SourceSpec, SocketAddress {
  readonly kind: "socket";
  /** What ends a text; default a newline, with or without CR before it. */
  readonly delimiter?: string;
  /** Longest text; default 1 MiB. */
  readonly maxRecordBytes?: number;
  readonly columns?: readonly string[];
}

const DEFAULT_MAX_BYTES = 1024 * 1024;

export const socketTextSource: SourceFactory = (spec) => new SocketTextSource(spec as SocketTextSourceSpec);

/**
 * Texts that a server sends (`nc -lk 9000`), one utf8 column `line`. It ends where the server ends the connection and
 * does not answer any more within the retries; with none of these, at the end of the first connection. What was sent
 * before a restore is not sent again: rows may be lost then, none come twice.
 * @throws {PlanError} OPTION_INVALID. @throws {ExternalError} CONNECTION_FAILED, CONNECTION_LOST.
 * @throws {DataError} RECORD_TOO_LONG
 */
export class SocketTextSource implements Source {
  readonly spec: SocketTextSourceSpec;
  readonly schema: Schema<{ readonly line: typeof utf8 }>;
  readonly boundedness = "unbounded";
  readonly statistics: SourceStatistics = {};

  constructor(spec: SocketTextSourceSpec) {
    checkAddress(spec);
    const { delimiter = "\n", columns } = spec;
    if (typeof delimiter !== "string" || delimiter === "") {
      throw new PlanError("OPTION_INVALID", "The delimiter is empty.", "Give at least one character.");
    }
    this.spec = spec;
    const all = Schema.of({ line: utf8 });
    this.schema = columns === undefined ? all : (all.pick(columns) as typeof all);
  }

  get description(): string {
    return `socket ${this.spec.host ?? "localhost"}:${this.spec.port}`;
  }

  splits(): readonly Split[] {
    return [{ id: this.description, ordinal: 0, payload: null }];
  }

  openSplit(_: Split, context: SourceContext): SplitReader {
    return new SocketReader(context, this.spec, this.schema);
  }

  withColumns(columns: readonly string[]): SocketTextSource {
    return new SocketTextSource({ ...this.spec, columns });
  }
}

class SocketReader implements SplitReader {
  readonly #socket: ReconnectingSocket;
  readonly #cutter: LineCutter;
  readonly #batchRows: number;
  /** The server has ended the connection. */
  #isCutOff = false;
  #hasEnded = false;

  constructor({ workspace, host, batchRows }: SourceContext, spec: SocketTextSourceSpec, schema: Schema) {
    this.#socket = new ReconnectingSocket(host, spec);
    this.#cutter = new LineCutter(workspace, schema, spec.delimiter ?? "\n", spec.maxRecordBytes ?? DEFAULT_MAX_BYTES);
    this.#batchRows = batchRows;
  }

  next(): Batch | undefined | Promise<Batch | undefined> {
    if (this.#hasEnded || this.#socket.isClosed) return undefined;
    return this.#cutter.take(this.#batchRows) ?? this.#receive();
  }

  /** There is no way back to what was sent: without this, new rows would be taken for those that come again. */
  offset(): Json {
    return null;
  }

  close(): void {
    this.#socket.close();
  }

  async #receive(): Promise<Batch | undefined> {
    for (;;) {
      if (this.#isCutOff) {
        this.#isCutOff = false;
        this.#hasEnded = !(await this.#mayGoOn());
        if (this.#hasEnded) return undefined;
      }
      const connection = await this.#socket.connection();
      if (connection === undefined) return undefined;
      try {
        const chunk = await connection.read();
        if (this.#socket.isClosed) return undefined;
        if (chunk !== undefined) {
          this.#socket.succeeded();
          this.#cutter.push(chunk);
          const batch = this.#cutter.take(this.#batchRows);
          if (batch !== undefined) return batch;
          continue;
        }
      } catch (thrown) {
        if (!(thrown instanceof ExternalError) || !(await this.#socket.retry())) throw thrown;
        // The rest of a text that was cut off will not come.
        this.#cutter.clear();
        continue;
      }
      this.#isCutOff = true;
      const rest = this.#cutter.takeRest();
      if (rest !== undefined) return rest;
    }
  }

  /** After the server ended the connection in good order: whether it answers again. */
  async #mayGoOn(): Promise<boolean> {
    if (!(await this.#socket.retry())) return false;
    try {
      return (await this.#socket.connection()) !== undefined;
    } catch (thrown) {
      if (thrown instanceof ExternalError) return false;
      throw thrown;
    }
  }
}
