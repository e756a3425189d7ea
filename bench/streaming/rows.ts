/** Sources and sinks of the streaming benchmark. */
import {
  col,
  type DataStream,
  type Expression,
  Schema,
  type Sink,
  type SinkWriter,
  type Source,
  type StreamExecutionEnvironment,
  type types,
  WatermarkStrategy,
} from "../../dist/index.js";
import { GeneratorSource } from "../../src/connectors/generator/generator-source.ts";

export type Written = Parameters<SinkWriter["write"]>[0];
export type Workspace = Parameters<Sink["createWriter"]>[0]["workspace"];

/** Hands each batch to a function, which borrows it. */
export const sinkOf = (take: (batch: Written, workspace: Workspace) => void): Sink => ({
  spec: { kind: "local" },
  description: "benchmark",
  acceptsUpdates: true,
  begin: () => undefined,
  createWriter: ({ workspace }) => ({
    write: (batch) => take(batch, workspace),
    prepareCommit: () => null,
    close: () => undefined,
  }),
  commit: () => undefined,
  abort: () => undefined,
});

export type Numbers = Readonly<Record<"n" | "timeMs" | "key", typeof types.int64>>;

/** Rows n = 0, 1, ... with an event time in milliseconds and one of so many keys. */
export interface NumbersOptions {
  readonly count: number;
  readonly keys: number;
  readonly rowsPerMs: number;
  /** By the clock; absent: as many as the job takes. */
  readonly rowsPerSecond?: number;
}

/** What a benchmark hears of the source. */
export interface NumbersHooks {
  /** The first row is due. */
  readonly onStart?: () => void;
  /** A batch is asked for. */
  readonly onBatch?: () => void;
}

export function numbers(
  environment: StreamExecutionEnvironment,
  { count, keys, rowsPerMs, rowsPerSecond }: NumbersOptions,
  { onStart, onBatch }: NumbersHooks = {},
): DataStream<Numbers> {
  const n = col("n");
  const columns: Record<keyof Numbers, Expression> = {
    n,
    timeMs: n.intDiv(rowsPerMs),
    // Neighbours have far keys.
    key: n.mul(48_271).mod(keys),
  };
  const source = new GeneratorSource({
    kind: "generator",
    expressions: Object.entries(columns).map(([name, { node }]) => ({ name, expression: node as never })),
    count,
    ...(rowsPerSecond === undefined ? {} : { rowsPerSecond }),
  });
  const openSplit = source.openSplit.bind(source);
  source.openSplit = (...given) => {
    onStart?.();
    const reader = openSplit(...given);
    if (onBatch === undefined) return reader;
    const next = reader.next.bind(reader);
    return Object.assign(reader, {
      next: () => {
        onBatch();
        return next();
      },
    });
  };
  // The source is compiled with the benchmark and the engine is its build: their classes are two.
  const { fields } = source.schema;
  return environment.fromSource(
    Object.assign(source, { schema: new Schema(fields) }) as unknown as Source & { readonly schema: Schema<Numbers> },
    WatermarkStrategy.monotonous<Numbers>().withTimestamps("timeMs"),
  );
}

/** Sum of an int64 column of a batch. */
export function sumOf(batch: Written, workspace: Workspace, name: string): bigint {
  const column = batch.columns[batch.schema.indexOf(name)];
  if (column === undefined) return 0n;
  // A bigint per row would cost more than some of the jobs that are measured.
  const at = column.data / 4;
  let low = 0;
  let high = 0;
  for (let row = 0; row < batch.rowCount; row++) {
    low += workspace.u32[at + row * 2] ?? 0;
    high += workspace.i32[at + row * 2 + 1] ?? 0;
  }
  return (BigInt(high) << 32n) + BigInt(low);
}
