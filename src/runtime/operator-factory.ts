import { InternalError } from "../core/errors.ts";
import type { Operator } from "../core/operator.ts";
import { AssignTimes, type AssignTimesSpec } from "../core/operators/assign-times.ts";
import { CountAggregateOperator, type CountAggregateSpec } from "../core/operators/count-aggregate.ts";
import { CrossJoinOperator, type CrossJoinSpec } from "../core/operators/cross-join.ts";
import { DistinctOperator, type DistinctSpec } from "../core/operators/distinct.ts";
import { FilterOperator, type FilterSpec } from "../core/operators/filter.ts";
import { FirstRowsOperator, type FirstRowsSpec } from "../core/operators/first-rows.ts";
import { FromChangelog, type FromChangelogSpec } from "../core/operators/from-changelog.ts";
import { HashAggregateOperator, type HashAggregateSpec } from "../core/operators/hash-aggregate.ts";
import { HashJoinOperator, type HashJoinSpec } from "../core/operators/hash-join.ts";
import { IntervalJoinOperator, type IntervalJoinSpec } from "../core/operators/interval-join.ts";
import { LimitOperator, type LimitSpec } from "../core/operators/limit.ts";
import { MergeSortedOperator, type MergeSortedSpec } from "../core/operators/merge-sorted.ts";
import { PassOperator } from "../core/operators/pass.ts";
import { ProjectOperator, type ProjectSpec } from "../core/operators/project.ts";
import { RangeNumbersOperator, type RangeNumbersSpec } from "../core/operators/range-numbers.ts";
import { RankedRowsOperator, type RankedRowsSpec } from "../core/operators/ranked-rows.ts";
import { SessionAggregateOperator, type SessionAggregateSpec } from "../core/operators/session-aggregate.ts";
import { SortOperator, type SortSpec } from "../core/operators/sort.ts";
import { SortMergeJoinOperator, type SortMergeJoinSpec } from "../core/operators/sort-merge-join.ts";
import { TemporalJoinOperator, type TemporalJoinSpec } from "../core/operators/temporal-join.ts";
import { ToChangelog, type ToChangelogSpec } from "../core/operators/to-changelog.ts";
import { TopNOperator, type TopNSpec } from "../core/operators/top-n.ts";
import { UnnestOperator, type UnnestSpec } from "../core/operators/unnest.ts";
import { UpdatingAggregateOperator, type UpdatingAggregateSpec } from "../core/operators/updating-aggregate.ts";
import { UpdatingJoinOperator, type UpdatingJoinSpec } from "../core/operators/updating-join.ts";
import { WindowAggregateOperator, type WindowAggregateSpec } from "../core/operators/window-aggregate.ts";
import { WindowJoinOperator, type WindowJoinSpec } from "../core/operators/window-join.ts";
import { WindowPartialsOperator, type WindowPartialsSpec } from "../core/operators/window-partials.ts";
import type { Schema } from "../core/schema.ts";
import type { LocalOperator, OperatorNode, OperatorSpec } from "./job-graph.ts";

/** Every operator that a plan can name, with its spec by kind. */
interface Specs {
  aggregate: HashAggregateSpec;
  assignTimes: AssignTimesSpec;
  countAggregate: CountAggregateSpec;
  crossJoin: CrossJoinSpec;
  distinct: DistinctSpec;
  filter: FilterSpec;
  fromChangelog: FromChangelogSpec;
  firstRows: FirstRowsSpec;
  hashJoin: HashJoinSpec;
  intervalJoin: IntervalJoinSpec;
  limit: LimitSpec;
  mergeSorted: MergeSortedSpec;
  pass: { readonly kind: "pass" };
  project: ProjectSpec;
  rangeNumbers: RangeNumbersSpec;
  rankedRows: RankedRowsSpec;
  sessionAggregate: SessionAggregateSpec;
  sort: SortSpec;
  sortMergeJoin: SortMergeJoinSpec;
  toChangelog: ToChangelogSpec;
  temporalJoin: TemporalJoinSpec;
  topN: TopNSpec;
  windowAggregate: WindowAggregateSpec;
  unnest: UnnestSpec;
  updatingAggregate: UpdatingAggregateSpec;
  updatingJoin: UpdatingJoinSpec;
  windowJoin: WindowJoinSpec;
  windowPartials: WindowPartialsSpec;
}

const FACTORIES: { readonly [K in keyof Specs]: (spec: Specs[K], inputs: readonly Schema[]) => Operator } = {
  aggregate: (spec, [input]) => new HashAggregateOperator(spec, input),
  assignTimes: (spec, [input]) => new AssignTimes(spec.strategy, input),
  countAggregate: (spec, [input]) => new CountAggregateOperator(spec, input),
  crossJoin: (spec, [left, right]) => new CrossJoinOperator(spec, left, right),
  distinct: (spec, [input]) => new DistinctOperator(spec, input),
  filter: (spec, [input]) => new FilterOperator(spec, input),
  fromChangelog: (spec, [input]) => new FromChangelog(spec, input),
  firstRows: (spec, [input]) => new FirstRowsOperator(spec, input),
  hashJoin: (spec, [left, right]) => new HashJoinOperator(spec, left, right),
  intervalJoin: (spec, [left, right]) => new IntervalJoinOperator(spec, left, right),
  limit: (spec, [input]) => new LimitOperator(spec, input),
  mergeSorted: (spec, [input]) => new MergeSortedOperator(spec, input),
  pass: (_, [input]) => new PassOperator(input),
  project: (spec, [input]) => new ProjectOperator(spec, input),
  rangeNumbers: (spec, [input]) => new RangeNumbersOperator(spec, input),
  rankedRows: (spec, [input]) => new RankedRowsOperator(spec, input),
  sessionAggregate: (spec, [input]) => new SessionAggregateOperator(spec, input),
  sort: (spec, [input]) => new SortOperator(input, spec),
  sortMergeJoin: (spec, [left, right]) => new SortMergeJoinOperator(spec, left, right),
  toChangelog: (spec, [input]) => new ToChangelog(spec, input),
  temporalJoin: (spec, [left, right]) => new TemporalJoinOperator(spec, left, right),
  topN: (spec, [input]) => new TopNOperator(spec, input),
  windowAggregate: (spec, [input]) => new WindowAggregateOperator(spec, input),
  updatingAggregate: (spec, [input]) => new UpdatingAggregateOperator(spec, input),
  updatingJoin: (spec, [left, right]) => new UpdatingJoinOperator(spec, left, right),
  unnest: (spec, [input]) => new UnnestOperator(spec, input),
  windowJoin: (spec, [left, right]) => new WindowJoinOperator(spec, left, right),
  windowPartials: (spec, [input]) => new WindowPartialsOperator(spec, input),
};

/** Makes an operator from its node; only what it declares is valid before `open`. */
export function createOperator(node: OperatorNode, inputs: readonly Schema[]): Operator {
  if (isLocal(node)) return node.create(inputs);
  if (!Object.hasOwn(FACTORIES, node.kind)) throw new InternalError(`There is no operator of kind "${node.kind}"`);
  // The planner wrote the spec for this kind; it has crossed a thread since, so its type is known by name only.
  const make = FACTORIES[node.kind as keyof Specs] as unknown as (
    spec: OperatorSpec,
    inputs: readonly Schema[],
  ) => Operator;
  return make(node, inputs);
}

const isLocal = (node: OperatorNode): node is LocalOperator => node.kind === "local";
