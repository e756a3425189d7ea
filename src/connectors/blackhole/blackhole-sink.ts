import type { Sink, SinkContext, SinkFactory, SinkSpec, SinkWriter } from "../../core/sink.ts";

export const blackholeSink: SinkFactory = () => new BlackholeSink();

/** Counts rows (`rowsDropped`) and keeps none: for benchmarks. */
export class BlackholeSink implements Sink {
  readonly spec: SinkSpec = { kind: "blackhole" };
  readonly description = "blackhole";
  readonly acceptsUpdates = true;

  begin(): void {
    // Nothing to prepare.
  }

  createWriter({ count }: SinkContext): SinkWriter {
    return {
      write: ({ rowCount }) => count("rowsDropped", rowCount),
      prepareCommit: () => null,
      close: () => undefined,
    };
  }

  commit(): void {
    // There is nothing.
  }

  abort(): void {
    // There is nothing.
  }
}
