/** What the queries have in common: the three kinds of events as streams of the columns that a query reads. */
import {
  col,
  type DataStream,
  type Schema,
  type Source,
  type StreamExecutionEnvironment,
  WatermarkStrategy,
} from "../../../dist/index.js";
import type { NexmarkColumnName, NexmarkFields } from "../generator/columns.ts";
import { EventType } from "../generator/configuration.ts";
import type { NexmarkSource } from "../generator/source.ts";

/** A query's job on a stream of all events; its columns in the order of the query in queries/. */
export type NexmarkStream = (environment: StreamExecutionEnvironment, events: NexmarkSource) => DataStream;

/** Of all events, in streams of all but one type null. Event time is as late as in Flink's DDL. */
export function eventStream<const N extends NexmarkColumnName>(
  environment: StreamExecutionEnvironment,
  events: NexmarkSource,
  ...columns: N[]
): DataStream<Pick<NexmarkFields, N | "eventType" | "dateTime">> {
  type Read = Pick<NexmarkFields, N | "eventType" | "dateTime">;
  const read = ["eventType", "dateTime", ...columns.filter((name) => !always.includes(name))];
  // The generator is compiled with the benchmark and the engine is its build: their classes are two.
  const source = events.withColumns(read) as unknown as Source & { readonly schema: Schema<Read> };
  const strategy = WatermarkStrategy.boundedOutOfOrderness<Read>(4000).withTimestamps("dateTime" as never);
  return environment.fromSource(source, strategy);
}

const always: readonly string[] = ["eventType", "dateTime"];

/** The events of one type, of a stream of all. */
export const ofType = <F extends NexmarkFields | Pick<NexmarkFields, "eventType">>(
  events: DataStream<F>,
  type: EventType,
): DataStream<F> => events.filter(col("eventType").eq(type) as never);

/** Bids with the given columns, in their order, where a query reads nothing else. */
export const bids = <const N extends NexmarkColumnName>(
  environment: StreamExecutionEnvironment,
  events: NexmarkSource,
  ...columns: N[]
): DataStream<Pick<NexmarkFields, N>> =>
  ofType(eventStream(environment, events, ...columns), EventType.bid).select(...(columns as never[])) as never;
