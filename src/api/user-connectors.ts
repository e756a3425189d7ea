import type { Batch } from "../core/batch.ts";
import { EngineError, ExternalError } from "../core/errors.ts";
import type { ExpressionNode } from "../core/expressions/node.ts";
import type { Committable, Sink, SinkContext, SinkSpec, SinkStart, SinkWriter } from "../core/sink.ts";
import type {
  Json,
  PruningPredicate,
  Source,
  SourceContext,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitEnumerator,
  SplitReader,
} from "../core/source.ts";
import type { SnapshotReader, SnapshotWriter } from "../core/state-snapshot.ts";
import {
  checkedBatch,
  checkedCommittable,
  checkedCommittables,
  checkedDeadline,
  checkedEnumerator,
  checkedOffset,
  checkedReader,
  checkedSplits,
  checkedWriter,
  whenChecked,
} from "./connector-contracts.ts";

// Sources and sinks of the user's own: what they throw is theirs, and says so, instead of passing for a bug of ours.

/** The same source; a failure of it is SOURCE_FAILED with what it threw as cause. Errors of the engine stay. */
export class UserSource implements Source {
  readonly spec: SourceSpec;
  readonly schema: Source["schema"];
  readonly statistics: SourceStatistics;
  readonly description: string;
  readonly boundedness?: "bounded" | "unbounded";
  readonly isRepeatable?: boolean;
  readonly openSplits?: number;
  readonly staysWithCaller?: boolean;
  readonly createEnumerator?: (context: SourceContext) => SplitEnumerator;
  readonly withColumns?: (names: readonly string[]) => Source;
  readonly withPruning?: (predicate: PruningPredicate) => Source;
  readonly withFilter?: (condition: ExpressionNode) => Source;
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
    this.spec = source.spec;
    this.schema = source.schema;
    this.statistics = source.statistics;
    this.description = source.description;
    // What a source leaves out has a meaning of its own, so that the same is left out here.
    if (source.boundedness !== undefined) this.boundedness = source.boundedness;
    if (source.isRepeatable !== undefined) this.isRepeatable = source.isRepeatable;
    if (source.openSplits !== undefined) this.openSplits = source.openSplits;
    if (source.staysWithCaller !== undefined) this.staysWithCaller = source.staysWithCaller;
    if (source.createEnumerator !== undefined) this.createEnumerator = (context) => this.#enumerator(context);
    if (source.withColumns !== undefined) {
      this.withColumns = (names) => this.#wrap("give fewer columns", () => source.withColumns?.(names) ?? source);
    }
    if (source.withPruning !== undefined) {
      this.withPruning = (given) => this.#wrap("take a condition", () => source.withPruning?.(given) ?? source);
    }
    if (source.withFilter !== undefined) {
      this.withFilter = (given) => this.#wrap("take a condition", () => source.withFilter?.(given) ?? source);
    }
  }

  splits(): readonly Split[] {
    return checkedSplits(
      this.description,
      "splits",
      this.#guard("list its splits", () => this.#source.splits()),
    );
  }

  openSplit(split: Split, context: SourceContext, offset?: Json): SplitReader {
    const opened = this.#guard(`open ${split.id}`, () => this.#source.openSplit(split, context, offset));
    const reader = checkedReader(this.description, split.id, opened);
    const checked = (batch: Batch | undefined) => checkedBatch(this.description, this.schema, batch);
    const at = "tell where it stands in";
    return {
      next: () =>
        whenChecked(
          this.#guard(`read ${split.id}`, () => reader.next()),
          checked,
        ),
      close: () => this.#guard(`close ${split.id}`, () => reader.close()),
      ...(reader.offset === undefined
        ? {}
        : {
            offset: () =>
              checkedOffset(
                this.description,
                split.id,
                this.#guard(`${at} ${split.id}`, () => reader.offset?.() ?? null),
              ),
          }),
      ...(reader.unread === undefined
        ? {}
        : { unread: () => this.#guard(`${at} ${split.id}`, () => reader.unread?.() ?? {}) }),
    };
  }

  #enumerator(context: SourceContext): SplitEnumerator {
    const what = "find its splits";
    const created = this.#guard(what, () => this.#source.createEnumerator?.(context));
    const enumerator = checkedEnumerator(this.description, created);
    const checked = (splits: readonly Split[]) => checkedSplits(this.description, "discover", splits);
    const { intervalMs } = enumerator;
    return {
      discover: () =>
        whenChecked(
          this.#guard(what, () => enumerator.discover()),
          checked,
        ),
      ...(intervalMs === undefined ? {} : { intervalMs }),
      ...(enumerator.isGone === undefined
        ? {}
        : { isGone: (unit: string) => this.#guard(what, () => enumerator.isGone?.(unit) ?? false) }),
      close: () => this.#guard("stop looking for splits", () => enumerator.close?.()),
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
  readonly isOneRun?: boolean;
  readonly staysWithCaller?: boolean;
  readonly acceptsUpdates?: boolean;
  readonly #sink: Sink;

  constructor(sink: Sink) {
    this.#sink = sink;
    this.spec = sink.spec;
    this.description = sink.description;
    this.isSingleFile = sink.isSingleFile === true;
    if (sink.isOneRun !== undefined) this.isOneRun = sink.isOneRun;
    if (sink.acceptsUpdates !== undefined) this.acceptsUpdates = sink.acceptsUpdates;
    if (sink.staysWithCaller !== undefined) this.staysWithCaller = sink.staysWithCaller;
  }

  begin(jobId: string, start: SinkStart): void | Promise<void> {
    return this.#guard("begin", () => this.#sink.begin(jobId, start));
  }

  createWriter(context: SinkContext): SinkWriter {
    const { description } = this;
    const created = this.#guard("open a writer", () => this.#sink.createWriter(context));
    const writer = checkedWriter(description, created);
    const checkedAll = (given: readonly Committable[]) => checkedCommittables(description, given);
    const checkedOne = (given: Committable) => checkedCommittable(description, "prepareCommit", given);
    const guard = <T>(what: string, call: () => T): T => this.#guard(what, call);
    // A writer without one of these is treated in another way, so that it must be left out here too.
    const { prepareCheckpoint, snapshotState, restoreState, onTime } = writer;
    return {
      write: (batch: Batch) => guard("write", () => writer.write(batch)),
      ...(prepareCheckpoint === undefined
        ? {}
        : {
            prepareCheckpoint: (id: number) =>
              whenChecked(
                guard("prepare a checkpoint", () => prepareCheckpoint.call(writer, id)),
                checkedAll,
              ),
          }),
      ...(snapshotState === undefined
        ? {}
        : {
            snapshotState: (to: SnapshotWriter) => guard("write its state", () => snapshotState.call(writer, to)),
          }),
      ...(restoreState === undefined
        ? {}
        : {
            restoreState: (from: SnapshotReader) => guard("restore its state", () => restoreState.call(writer, from)),
          }),
      get deadlineMs() {
        return checkedDeadline(
          description,
          guard("tell its time", () => writer.deadlineMs),
        );
      },
      ...(onTime === undefined
        ? {}
        : { onTime: (nowMs: number) => guard("take its turn", () => onTime.call(writer, nowMs)) }),
      prepareCommit: () =>
        whenChecked(
          guard("prepare its commit", () => writer.prepareCommit()),
          checkedOne,
        ),
      close: () => guard("close a writer", () => writer.close()),
    };
  }

  commit(committables: readonly Committable[], isLast?: boolean, isBranch?: boolean): void | Promise<void> {
    return this.#guard("commit", () => this.#sink.commit(committables, isLast, isBranch));
  }

  abort(committables: readonly Committable[], kept?: readonly Committable[]): void | Promise<void> {
    return this.#guard("abort", () => this.#sink.abort(committables, kept));
  }

  forgetAttempts(jobIds: readonly string[]): void | Promise<void> {
    return this.#guard("forget failed attempts", () => this.#sink.forgetAttempts?.(jobIds));
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
