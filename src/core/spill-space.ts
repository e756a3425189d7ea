import type { OperatorContext } from "./operator.ts";
import type { Schema } from "./schema.ts";
import { type SpillFile, SpillWriter } from "./spill-file.ts";

/** What naming, writing and counting spill files needs. */
export type SpillContext = Pick<OperatorContext, "host" | "operatorId" | "subtask" | "spillDirectory" | "count">;

/**
 * The spill files of one operator: names them, counts what is written ("spilledRows", "spilledBytes", "spillFiles"),
 * and removes what is left when the operator closes, also after a failure.
 */
export class SpillSpace {
  readonly #context: SpillContext;
  readonly #prefix: string;
  readonly #writers = new Set<SpillWriter>();
  readonly #files = new Set<SpillFile>();
  #created = 0;

  /** `purpose` tells the spaces of one operator apart. */
  constructor(context: SpillContext, purpose: string) {
    this.#context = context;
    const name = context.operatorId.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 80);
    this.#prefix = `${name}-${context.subtask}-${purpose}`;
  }

  create(schema: Schema): SpillWriter {
    const { host } = this.#context;
    const name = `${this.#prefix}-${this.#created++}.spill`;
    const writer = SpillWriter.create(host.files, this.#context.spillDirectory(), name, schema);
    this.#writers.add(writer);
    return writer;
  }

  /** Ends a file of this space. It lives until `remove` or `close`. */
  finish(writer: SpillWriter): SpillFile {
    const file = writer.finish();
    this.#writers.delete(writer);
    this.#files.add(file);
    this.#context.count("spillFiles", 1);
    this.#context.count("spilledRows", file.rowCount);
    this.#context.count("spilledBytes", file.byteLength);
    return file;
  }

  remove(file: SpillFile): void {
    if (this.#files.delete(file)) file.remove();
  }

  close(): void {
    for (const writer of this.#writers) writer.abort();
    for (const file of this.#files) file.remove();
    this.#writers.clear();
    this.#files.clear();
  }
}
