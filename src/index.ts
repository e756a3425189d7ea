// The package's entry point: everything that users import, one name at a time.

export {
  Aggregation,
  aggregateWith,
  avg,
  corr,
  count,
  countDistinct,
  covariance,
  every,
  first,
  largest,
  last,
  list,
  max,
  maxBy,
  median,
  min,
  minBy,
  quantile,
  quantiles,
  smallest,
  some,
  stddev,
  stddevPopulation,
  sum,
  variance,
  variancePopulation,
} from "./api/aggregations.ts";
export { buildBatch, type RowGiven, readRows } from "./api/batches-of-rows.ts";
export type { JobResult } from "./api/job-result.ts";

import "./dataset/co-grouped-dataset.ts";
import "./dataset/dataset-sinks.ts";
import "./dataset/iterated-dataset.ts";

export type { JoinOptions } from "./dataset/joined-dataset.ts";

import "./dataset/joined-dataset.ts";

export { asc, type ComputedOrdering, desc, type Ordering } from "./api/ordering.ts";
export type { UserAggregate } from "./core/aggregates/user-aggregate.ts";
export type { Batch } from "./core/batch.ts";
export {
  DataError,
  EngineError,
  type ErrorOrigin,
  EvaluationError,
  ExternalError,
  InternalError,
  JobCancelledError,
  MemoryExhaustedError,
  PlanError,
  UserFunctionError,
} from "./core/errors.ts";
export {
  and,
  coalesce,
  col,
  concat,
  greatest,
  hash64,
  least,
  lit,
  makeDate,
  not,
  or,
  when,
} from "./core/expressions/builders.ts";
export { type DateUnit, Expression, NamedExpression, type ResultType } from "./core/expressions/expression.ts";
export type { Host } from "./core/host.ts";
export type { JobSnapshot } from "./core/job-snapshot.ts";
export type { TimerService } from "./core/process/contexts.ts";
export type { LookupAnswer, LookupContext } from "./core/process/lookups.ts";
export type { Accumulator } from "./core/rows/accumulators.ts";
export type { RuntimeContext } from "./core/rows/runtime-context.ts";
export { type Field, type RowOf, Schema } from "./core/schema.ts";
export type { Committable, Sink, SinkContext, SinkSpec, SinkStart, SinkWriter } from "./core/sink.ts";
export type {
  ColumnStatistics,
  Json,
  PruningPredicate,
  Source,
  SourceContext,
  SourceSpec,
  SourceStatistics,
  Split,
  SplitEnumerator,
  SplitReader,
  Unread,
} from "./core/source.ts";
export { aggregatingState, listState, mapState, reducingState, valueState } from "./core/state/descriptors.ts";
export type { SnapshotReader, SnapshotWriter } from "./core/state-snapshot.ts";
export type { WatermarkGenerator, WatermarkOutput } from "./core/time/watermark-strategy.ts";
export type { DataType, Fields, ValueOf } from "./core/types.ts";
export * as types from "./core/types.ts";
export { CountEvictor, DeltaEvictor, type Evictor, type TimedRow, TimeEvictor } from "./core/windows/evictor.ts";
export type { TaggedRow } from "./core/windows/tagged-row.ts";
export { type Trigger, type TriggerContext, type TriggerMergeContext, TriggerResult } from "./core/windows/trigger.ts";
export {
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountTrigger,
  DeltaTrigger,
  EventTimeTrigger,
  NeverTrigger,
  ProcessingTimeTrigger,
  PurgingTrigger,
} from "./core/windows/triggers.ts";
export type { TimeWindow } from "./core/windows/window.ts";
export type { ProcessWindowContext } from "./core/windows/window-calculation.ts";
export type { Workspace } from "./core/workspace.ts";
export { DataSet } from "./dataset/dataset.ts";
export {
  type DataSetModule,
  type DataSetModuleOptions,
  dataSetJob,
  runDataSetModule,
} from "./dataset/dataset-module.ts";
export { type EnvironmentOptions, ExecutionEnvironment } from "./dataset/execution-environment.ts";
export type { FunctionOptions } from "./dataset/function-stages.ts";
export { GroupedDataSet } from "./dataset/grouped-dataset.ts";
export {
  type ConvergenceCriterion,
  DoubleSumAggregator,
  doubleZeroConvergence,
  type IterationAggregator,
  LongSumAggregator,
  longZeroConvergence,
} from "./dataset/iteration-aggregators.ts";
export type { IterationOptions, Superstep } from "./dataset/iterations.ts";
export {
  Savepoint,
  type SavepointCreateOptions,
  type SavepointOpenOptions,
  type SavepointState,
  type WithStateOptions,
} from "./dataset/savepoint.ts";
export type { ColumnSummary } from "./dataset/summaries.ts";
export type { CheckpointOptions, OnCancel } from "./datastream/checkpointing.ts";
export { CoGroupedStreams, WindowedCoGroup } from "./datastream/co-grouped-streams.ts";
export {
  BroadcastConnectedStream,
  ConnectedStreams,
  KeyedBroadcastConnectedStream,
  KeyedConnectedStreams,
} from "./datastream/connected-streams.ts";
export { DataStream } from "./datastream/data-stream.ts";
export { type JobModule, type JobModuleOptions, runJobModule, startJobModule } from "./datastream/job-module.ts";
export { IntervalJoin, JoinedStreams, type UpdatingJoinOptions } from "./datastream/joined-streams.ts";
export type { KeyTtl } from "./datastream/key-ttl.ts";
export { KeyedStream } from "./datastream/keyed-stream.ts";
export type { LookupGiven, LookupOptions } from "./datastream/lookup-joins.ts";
export { OutputTag } from "./datastream/output-tag.ts";
export type {
  BroadcastProcessFunction,
  Collector,
  CoProcessFunction,
  KeyedBroadcastProcessFunction,
  KeyedCoProcessFunction,
  KeyedProcessFunction,
  ProcessFunction,
} from "./datastream/process-functions.ts";
export type { DeduplicateOptions, TopNOptions } from "./datastream/ranked-streams.ts";
export {
  type ExponentialDelayOptions,
  type FailureRateOptions,
  type FixedDelayOptions,
  type RestartStrategy,
  restartStrategies,
} from "./datastream/restart-strategies.ts";
export type { RestoreOptions } from "./datastream/restore-options.ts";
export type { SavepointResult, StopOptions } from "./datastream/savepoint-options.ts";
export type { SharedWindowOptions } from "./datastream/shared-windows.ts";
export { type DiskStateOptions, type StateBackend, stateBackends } from "./datastream/state-backends.ts";
export { StreamExecutionEnvironment } from "./datastream/stream-execution-environment.ts";
export type { JobStatus, StreamJob } from "./datastream/stream-job.ts";
export type {
  ExecuteOptions,
  FailoverStrategy,
  RuntimeMode,
  StreamEnvironmentOptions,
} from "./datastream/stream-options.ts";
export type { TemporalJoinOptions } from "./datastream/temporal-joins.ts";
export type { AggregateOptions } from "./datastream/updating-aggregates.ts";
export type { WatermarkExplanation } from "./datastream/watermark-explanation.ts";
export type { CheckpointPhase, CheckpointStatistics } from "./runtime/checkpoint-statistics.ts";
export type { StoreCheckpoint } from "./runtime/checkpoint-store.ts";
export type { JobFailure } from "./runtime/job-attempts.ts";
export type { SubtaskMetrics, VertexMetrics } from "./runtime/metrics.ts";

import "./datastream/methods.ts";

export { WatermarkStrategy } from "./datastream/watermark-strategy.ts";
export type { AggregateFunction, ProcessWindowFunction, WindowFunction } from "./datastream/window-functions.ts";
export { WindowedStream } from "./datastream/windowed-stream.ts";
export {
  CumulateEventTimeWindows,
  CumulateProcessingTimeWindows,
  type CustomWindows,
  EventTimeSessionWindows,
  GlobalWindows,
  ProcessingTimeSessionWindows,
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
} from "./datastream/windows.ts";
