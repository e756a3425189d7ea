/** Sinks of Nexmark's streams. */

import type { Sink, SinkWriter } from "../../../dist/index.js";
import { readRows } from "../../../src/core/columns/read.ts";

type Written = Parameters<SinkWriter["write"]>[0];
type Context = Parameters<Sink["createWriter"]>[0];

abstract class LocalSink implements Sink {
  readonly spec = { kind: "local" };
  readonly description = "nexmark results";
  readonly acceptsUpdates = true;

  begin(): void {}

  createWriter({ workspace }: Context): SinkWriter {
    return {
      write: (batch) => this.take(batch, workspace),
      prepareCommit: () => null,
      close: () => undefined,
    };
  }

  commit(): void {}

  abort(): void {}

  protected abstract take(batch: Written, workspace: Context["workspace"]): void;
}

/** Drops rows as they come. */
export class Blackhole extends LocalSink {
  protected take(): void {}
}

/** Keeps the rows that a changelog leaves, as lines of an answer file. */
export class Answer extends LocalSink {
  readonly staysWithCaller = true;
  readonly #counts = new Map<string, number>();

  protected take(batch: Written, workspace: Context["workspace"]): void {
    const kinds = batch.rowKinds;
    const { names } = batch.schema;
    for (const [row, values] of readRows(workspace as never, batch as never).entries()) {
      const line = `${names.map((name) => cell(values[name])).join("\x1f")}\n`;
      // Of the four kinds of rows, those that take something back are update-before and delete, both odd.
      const change = kinds !== undefined && (workspace.i8[kinds.data + row] & 1) === 1 ? -1 : 1;
      const count = (this.#counts.get(line) ?? 0) + change;
      if (count === 0) this.#counts.delete(line);
      else this.#counts.set(line, count);
    }
  }

  /** @throws {Error} where more of a row was taken back than was given */
  lines(): string[] {
    const lines: string[] = [];
    for (const [line, count] of this.#counts) {
      if (count < 0) throw new Error(`taken back and never given: ${line.replaceAll("\x1f", ", ")}`);
      for (let i = 0; i < count; i++) lines.push(line);
    }
    return lines;
  }
}

const cell = (value: unknown): string => (value === null ? "\\N" : String(value));
