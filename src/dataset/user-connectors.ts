import type { Batch } from "../core/batch.ts";
import { EngineError, ExternalError } from "../core/errors.ts";
import type { Committable, Sink, SinkContext, SinkSpec, SinkWriter } from "../core/sink.ts";
import type {
  PruningPredicate,
  Source,
  SourceContext,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitReader,
} from "../core/source.ts";

// Sources and sinks of the user's own: what they throw is theirs, and says so, instead of passing for a bug of ours.

/** The same source; a failure of it is SOURCE_FAILED with what it threw as cause. Errors of the engine stay. */
export class UserSource implements Source {
  readonly spec: SourceSpec;
  readonly schema: Source["schema"];
  readonly statistics: SourceStatistics;
  readonly description: string;
  readonly withColumns?: (names: readonly string[]) => Source;
  readonly withPruning?: (predicate: PruningPredicate) => Source;
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
    this.spec = source.spec;
    this.schema = source.schema;
    this.statistics = source.statistics;
    this.description = source.description;
    // The planner asks for these only where a source has them.
    if (source.withColumns !== undefined) {
      this.withColumns = (names) => this.#wrap("give fewer columns", () => source.withColumns?.(names) ?? source);
    }
    if (source.withPruning !== undefined) {
      this.withPruning = (given) => this.#wrap("take a condition", () => source.withPruning?.(given) ?? source);
    }
  }

  splits(): readonly Split[] {
    return this.#guard("list its splits", () => this.#source.splits());
  }

  openSplit(split: Split, context: SourceContext): SplitReader {
    const reader = this.#guard(`open ${split.id}`, () => this.#source.openSplit(split, context));
    return {
      next: () => this.#guard(`read ${split.id}`, () => reader.next()),
      close: () => this.#guard(`close ${split.id}`, () => reader.close()),
    };
  }

  #wrap(what: string, make: () => Source): Source {
    return new UserSource(this.#guard(what, make));
  }

  #guard<T>(what: string, call: () => T): T {
    return guarded(call, (thrown) => {
      const error = new ExternalError(
        "SOURCE_FAILED",
        false,
        `The source "${this.description}" could not ${what}: ${textOf(thrown)}.`,
        "See the cause for its stack.",
        { cause: thrown },
      );
      error.operator = `read ${this.description}`;
      return error;
    });
  }
}

/** The same sink; a failure of it is SINK_FAILED with what it threw as cause. Errors of the engine stay. */
export class UserSink implements Sink {
  readonly spec: SinkSpec;
  readonly description: string;
  readonly isSingleFile: boolean;
  readonly #sink: Sink;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.spec = sink.spec;
    this.description = sink.description;
    this.isSingleFile = sink.isSingleFile === true;
  }

  begin(jobId: string): void {
    this.#guard("begin", () => this.#sink.begin(jobId));
  }

  createWriter(context: SinkContext): SinkWriter {
    const writer = this.#guard("open a writer", () => this.#sink.createWriter(context));
    return {
      write: (batch: Batch) => this.#guard("write", () => writer.write(batch)),
      prepareCommit: () => this.#guard("prepare its commit", () => writer.prepareCommit()),
      close: () => this.#guard("close a writer", () => writer.close()),
    };
  }

  commit(committables: readonly Committable[]): void | Promise<void> {
    return this.#guard("commit", () => this.#sink.commit(committables));
  }

  abort(committables: readonly Committable[]): void | Promise<void> {
    return this.#guard("abort", () => this.#sink.abort(committables));
  }

  #guard<T>(what: string, call: () => T): T {
    return guarded(call, (thrown) => {
      const error = new ExternalError(
        "SINK_FAILED",
        false,
        `The sink "${this.description}" could not ${what}: ${textOf(thrown)}.`,
        "See the cause for its stack.",
        { cause: thrown },
      );
      error.operator = `write ${this.description}`;
      return error;
    });
  }
}

/** Calls user code, also where it answers with a promise. */
function guarded<T>(call: () => T, asFailure: (thrown: unknown) => EngineError): T {
  const wrap = (thrown: unknown): never => {
    throw thrown instanceof EngineError ? thrown : asFailure(thrown);
  };
  try {
    const result = call();
    return result instanceof Promise ? (result.catch(wrap) as T) : result;
  } catch (thrown) {
    return wrap(thrown);
  }
}

const textOf = (thrown: unknown): string =>
  thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
