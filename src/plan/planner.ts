import type { SortKey } from "../core/columns/sort-keys.ts";
import { formatExpression } from "../core/expressions/format.ts";
import { columnNode, type ExpressionNode } from "../core/expressions/node.ts";
import type { Schema } from "../core/schema.ts";
import type { JobGraph, LocalOperator, OperatorNode, OperatorSpec } from "../runtime/job-graph.ts";
import { createOperator } from "../runtime/operator-factory.ts";
import { STORED_KIND } from "../runtime/stored-source.ts";
import { chooseBuildSide, exchangeFor, hashOfJoin, joinedDistribution, mayBroadcast } from "./join-strategy.ts";
import type {
  AggregateNode,
  CrossNode,
  DistinctNode,
  FunctionNode,
  JoinNode,
  LimitNode,
  LogicalNode,
  OrderKey,
  PartitionNode,
  SortNode,
  SourceNode,
  TopNNode,
  UnionNode,
} from "./logical.ts";
import { type Distribution, JobGraphBuilder, type PhysicalStream } from "./physical.ts";
import { estimateBytes, estimateRows, hardlyRepeats } from "./statistics.ts";

/**
 * Turns rewritten logical nodes into vertices and exchanges for `parallelism` threads.
 * Distribution and order are inferred on the way, and an exchange or sort that they make needless is left out.
 */
export function planJob(roots: readonly LogicalNode[], parallelism: number): JobGraph {
  const planner = new Planner(roots, parallelism);
  for (const root of roots) planner.translate(root);
  return planner.graph.build();
}

class Planner {
  readonly graph: JobGraphBuilder;
  readonly #parallelism: number;
  readonly #streams = new Map<LogicalNode, PhysicalStream>();
  readonly #readers = new Map<LogicalNode, number>();

  constructor(roots: readonly LogicalNode[], parallelism: number) {
    this.graph = new JobGraphBuilder(parallelism);
    this.#parallelism = parallelism;
    for (const root of roots) this.#countReaders(root);
  }

  translate(node: LogicalNode): PhysicalStream {
    let stream = this.#streams.get(node);
    if (stream === undefined) {
      const mark = this.graph.placedCount;
      stream = this.#translateNew(node);
      if (node.callSite !== undefined) this.graph.markSince(mark, node.callSite);
      if ((this.#readers.get(node) ?? 0) > 1) stream = this.graph.share(stream);
      this.#streams.set(node, stream);
    }
    return stream;
  }

  #countReaders(node: LogicalNode): void {
    const readers = (this.#readers.get(node) ?? 0) + 1;
    this.#readers.set(node, readers);
    if (readers === 1) for (const input of node.inputs) this.#countReaders(input);
  }

  #translateNew(node: LogicalNode): PhysicalStream {
    switch (node.op) {
      case "source":
        return this.#source(node);
      case "filter": {
        const stream = this.translate(node.inputs[0]);
        const name = `filter(${formatExpression(node.predicate)})`;
        const spec = { kind: "filter", name, predicate: node.predicate, columns: node.schema.names };
        return this.graph.append(stream, spec, keepingColumns(stream, node.schema.names));
      }
      case "project": {
        const stream = this.translate(node.inputs[0]);
        const name = `select(${node.columns.map((column) => column.name).join(", ")})`;
        const spec = { kind: "project", name, columns: node.columns };
        return this.graph.append(stream, spec, renamed(stream, node.columns));
      }
      case "aggregate":
        return this.#aggregate(node);
      case "distinct":
        return this.#distinct(node);
      case "sort":
        return this.#sort(node);
      case "topN":
        return this.#topN(node);
      case "limit":
        return this.#limit(node);
      case "unnest": {
        const stream = this.translate(node.inputs[0]);
        const { column, keepsEmpty } = node;
        const others = node.schema.names.filter((name) => name !== column);
        const spec = { kind: "unnest", name: `unnest(${column})`, column, keepsEmpty };
        return this.graph.append(stream, spec, keepingColumns(stream, others));
      }
      case "join":
        return this.#join(node);
      case "cross":
        return this.#cross(node);
      case "union":
        return this.#union(node);
      case "partition":
        return this.#partition(node);
      case "function":
        return this.#function(node);
      case "sink": {
        const stream = this.translate(node.inputs[0]);
        const { sink } = node;
        if (sink.spec.kind === STORED_KIND) this.graph.sink(stream, sink.spec, sink);
        else if (!node.isLocal)
          this.graph.sink(sink.isSingleFile === true ? this.#toSingle(stream) : stream, sink.spec);
        else this.graph.sink(this.#toPlanner(stream, 1), node.sink.spec, node.sink);
        return stream;
      }
    }
  }

  #source({ source, pinned, schema }: SourceNode): PhysicalStream {
    const splits = source.splits();
    const parallelism = pinned ? 1 : Math.max(1, Math.min(this.#parallelism, splits.length));
    // The live object stays with the plan; other threads make their own from the spec.
    return this.graph.source({ spec: source.spec, splits, local: source }, schema, parallelism, pinned);
  }

  #aggregate(node: AggregateNode): PhysicalStream {
    const stream = this.translate(node.inputs[0]);
    const { keys, aggregates } = node;
    const name = `aggregate(${[...keys, ...aggregates.map((aggregate) => aggregate.as)].join(", ")})`;
    const rowsOfAll = estimateRows(node.inputs[0]);
    const rows = rowsOfAll && Math.ceil(rowsOfAll / stream.vertex.parallelism);
    const operator = (mode: "complete" | "partial" | "final"): OperatorNode => ({
      kind: "aggregate",
      name: mode === "complete" ? name : `${mode} ${name}`,
      keys,
      aggregates,
      mode,
      ...(mode === "final" ? { inputFields: stream.schema.fields } : {}),
      ...(mode === "partial" && rows !== undefined ? { partial: { expectedRows: rows } } : {}),
    });
    if (aggregates.some((aggregate) => aggregate.fn === "user")) {
      // User code runs where its closure is, and so do the aggregates beside it.
      const create = (inputs: readonly Schema[]) => createOperator(operator("complete"), inputs);
      return this.graph.append(this.#toPlanner(stream, 1), { kind: "local", name, create });
    }
    if (isTogether(stream, keys)) {
      return this.graph.append(stream, operator("complete"), { distribution: stream.distribution });
    }
    if (hardlyRepeats(node.inputs[0], keys)) {
      const exchanged = this.#toGroups(stream, keys);
      return this.graph.append(exchanged, operator("complete"), { distribution: exchanged.distribution });
    }
    const partial = this.graph.append(stream, operator("partial"));
    const exchanged = this.#toGroups(partial, keys);
    return this.graph.append(exchanged, operator("final"), { distribution: exchanged.distribution });
  }

  #distinct(node: DistinctNode): PhysicalStream {
    const stream = this.translate(node.inputs[0]);
    const spec = { kind: "distinct", name: `distinct(${node.keys.join(", ")})`, keys: node.keys };
    const local = this.graph.append(stream, spec, { distribution: stream.distribution });
    if (isTogether(stream, node.keys)) return local;
    const exchanged = this.#toGroups(local, node.keys);
    return this.graph.append(exchanged, spec, { distribution: exchanged.distribution });
  }

  #sort(node: SortNode): PhysicalStream {
    const stream = this.translate(node.inputs[0]);
    const { keys, scope } = node;
    if (startsWithOrder(stream.order, keys) && (scope === "partition" || stream.vertex.parallelism === 1))
      return stream;
    const sorted = this.graph.append(stream, sortSpec(keys, stream.schema), {
      distribution: stream.distribution,
      order: keys,
    });
    if (scope === "partition" || sorted.vertex.parallelism === 1) return sorted;
    return this.graph.merge(sorted, this.#mergeSpec(keys, sorted), keys);
  }

  #mergeSpec(keys: readonly OrderKey[], stream: PhysicalStream): OperatorNode {
    return {
      kind: "mergeSorted",
      name: `merge(${formatKeys(keys)})`,
      keys: positions(keys, stream.schema),
      inputs: stream.vertex.parallelism,
    };
  }

  #topN(node: TopNNode): PhysicalStream {
    const stream = this.translate(node.inputs[0]);
    const { keys, count, offset } = node;
    const spec = (limit: { count: number; offset: number }): OperatorNode => ({
      kind: "topN",
      name: `top ${count} by ${formatKeys(keys)}`,
      keys: positions(keys, node.schema),
      ...limit,
    });
    const { distribution } = stream;
    if (stream.vertex.parallelism === 1) {
      return this.graph.append(stream, spec({ count, offset }), { distribution, order: keys });
    }
    const local = this.graph.append(stream, spec({ count: count + offset, offset: 0 }), { distribution });
    return this.graph.append(this.#toSingle(local), spec({ count, offset }), { order: keys });
  }

  #limit(node: LimitNode): PhysicalStream {
    const stream = this.translate(node.inputs[0]);
    const { count, offset } = node;
    const spec = (limit: { count: number; offset: number }): OperatorNode => ({
      kind: "limit",
      name: `first(${count})`,
      ...limit,
    });
    if (stream.vertex.parallelism === 1) {
      return this.graph.append(stream, spec({ count, offset }), { order: stream.order });
    }
    const local = this.graph.append(stream, spec({ count: count + offset, offset: 0 }));
    return this.graph.append(this.#toSingle(local), spec({ count, offset }));
  }

  #join(node: JoinNode): PhysicalStream {
    const [left, right] = [this.translate(node.inputs[0]), this.translate(node.inputs[1])];
    const { hint, type } = node;
    const sizes = [estimateBytes(node.inputs[0]), estimateBytes(node.inputs[1])] as const;
    const buildSide = chooseBuildSide(node, sizes);
    const spec: OperatorSpec = {
      kind: hint === "REPARTITION_SORT_MERGE" ? "sortMergeJoin" : "hashJoin",
      name: `${type} join(${node.leftKeys.map((key, i) => `${key} = ${node.rightKeys[i]}`).join(", ")})`,
      type,
      leftKeys: node.leftKeys,
      rightKeys: node.rightKeys,
      buildSide,
      output: node.output,
    };
    const placement = "workers";
    const parallelism = Math.max(left.vertex.parallelism, right.vertex.parallelism);
    if (parallelism === 1) {
      const exchange = { kind: "gather" } as const;
      const inputs = [
        { stream: this.#sortedFor(spec, left, node.leftKeys), exchange },
        { stream: this.#sortedFor(spec, right, node.rightKeys), exchange },
      ];
      return this.graph.combine(inputs, spec, { parallelism: 1, placement, distribution: { kind: "single" } });
    }
    if (mayBroadcast(node, buildSide, sizes)) {
      const [probe, build] = buildSide === "left" ? [right, left] : [left, right];
      const kept: { stream: PhysicalStream; exchange: { kind: "forward" | "rebalance" } } = {
        stream: probe,
        exchange: { kind: probe.vertex.parallelism === parallelism ? "forward" : "rebalance" },
      };
      const copied = { stream: build, exchange: { kind: "broadcast" } as const };
      const target = {
        parallelism,
        placement,
        distribution: kept.exchange.kind === "forward" ? joinedDistribution(node, probe, buildSide) : ANY,
      } as const;
      return this.graph.combine(buildSide === "left" ? [copied, kept] : [kept, copied], spec, target);
    }
    const inputs = [
      { stream: left, exchange: exchangeFor(left, node.leftKeys, parallelism) },
      { stream: right, exchange: exchangeFor(right, node.rightKeys, parallelism) },
    ];
    const sorted = hint === "REPARTITION_SORT_MERGE";
    const placed = sorted
      ? inputs.map(({ stream, exchange }, i) => {
          const keys = i === 0 ? node.leftKeys : node.rightKeys;
          const distribution: Distribution = { kind: "hash", keys };
          const moved = this.graph.exchange(stream, exchange, { parallelism, placement, distribution });
          return { stream: this.#sortedFor(spec, moved, keys), exchange: { kind: "forward" } as const };
        })
      : inputs;
    return this.graph.combine(placed, spec, { parallelism, placement, distribution: hashOfJoin(node) });
  }

  #sortedFor(spec: OperatorNode, stream: PhysicalStream, keys: readonly string[]): PhysicalStream {
    if (spec.kind !== "sortMergeJoin") return stream;
    const order = keys.map((column) => ({ column }));
    if (startsWithOrder(stream.order, order)) return stream;
    return this.graph.append(stream, sortSpec(order, stream.schema), { distribution: stream.distribution, order });
  }

  #cross(node: CrossNode): PhysicalStream {
    const [left, right] = [this.translate(node.inputs[0]), this.translate(node.inputs[1])];
    const spec = { kind: "crossJoin", name: "cross", output: node.output };
    const { parallelism, placement } = left.vertex;
    const inputs = [
      { stream: left, exchange: { kind: "forward" } as const },
      { stream: right, exchange: { kind: "broadcast" } as const },
    ];
    return this.graph.combine(inputs, spec, { parallelism, placement, distribution: ANY });
  }

  #union(node: UnionNode): PhysicalStream {
    const streams = node.inputs.map((input) => this.translate(input));
    const parallelism = Math.max(...streams.map((stream) => stream.vertex.parallelism));
    return this.graph.union(streams, node.schema, parallelism);
  }

  #partition(node: PartitionNode): PhysicalStream {
    const stream = this.translate(node.inputs[0]);
    const { partitioning } = node;
    const parallelism = node.parallelism ?? this.#parallelism;
    const target = { parallelism, placement: "workers" } as const;
    switch (partitioning.kind) {
      case "rebalance":
        return partitioned(this.graph.exchange(stream, { kind: "rebalance" }, { ...target, distribution: ANY }));
      case "hash": {
        const distribution: Distribution = { kind: "hash", keys: partitioning.keys };
        const exchange = { kind: "hash", keys: partitioning.keys } as const;
        return partitioned(this.graph.exchange(stream, exchange, { ...target, distribution }));
      }
      case "numbered": {
        const numbered = this.graph.append(
          this.#forNumbering(stream, partitioning),
          partitioning.operator(parallelism),
        );
        const exchange = { kind: "numbered", column: partitioning.column } as const;
        return partitioned(this.graph.exchange(numbered, exchange, { ...target, distribution: ANY }));
      }
    }
  }

  #forNumbering(stream: PhysicalStream, partitioning: { needsAllRows: boolean; isUserCode: boolean }): PhysicalStream {
    if (partitioning.isUserCode) return this.#toPlanner(stream, 1);
    return partitioning.needsAllRows ? this.#toSingle(stream) : stream;
  }

  #function(node: FunctionNode): PhysicalStream {
    const operator: LocalOperator = { kind: "local", name: node.name, create: node.create };
    const streams = node.inputs.map((input) => this.translate(input));
    const { needs } = node;
    if (needs.kind === "any" || needs.kind === "single") {
      const [stream] = streams;
      const parallelism = needs.kind === "any" && stream.isPartitioned === true ? stream.vertex.parallelism : 1;
      return this.graph.append(this.#toPlanner(stream, parallelism), operator, {
        distribution: parallelism === 1 ? SINGLE : ANY,
      });
    }
    if (needs.kind === "grouped") {
      const sorted = streams.map((stream, i) => {
        const order = needs.sort?.[i] ?? needs.keys[i].map((column): OrderKey => ({ column }));
        const together = isTogether(stream, needs.keys[i]) ? stream : this.#toSingle(stream);
        if (startsWithOrder(together.order, order)) return together;
        if (together.vertex.parallelism === 1) {
          return this.graph.append(together, sortSpec(order, together.schema), {
            distribution: together.distribution,
            order,
          });
        }
        const local = this.graph.append(together, sortSpec(order, together.schema), {
          distribution: together.distribution,
          order,
        });
        return this.graph.merge(local, this.#mergeSpec(order, local), order);
      });
      if (sorted.length === 1) return this.graph.append(this.#toPlanner(sorted[0], 1), operator);
      const inputs = sorted.map((stream) => ({ stream, exchange: { kind: "gather" } as const }));
      return this.graph.combine(inputs, operator, { parallelism: 1, placement: "planner", distribution: SINGLE });
    }
    const inputs = streams.map((stream) => ({ stream, exchange: { kind: "gather" } as const }));
    return this.graph.combine(inputs, operator, { parallelism: 1, placement: "planner", distribution: SINGLE });
  }

  /** The stream in subtasks of the planning thread; order survives where one subtask sends to one. */
  #toPlanner(stream: PhysicalStream, parallelism: number): PhysicalStream {
    const { vertex } = stream;
    const isThere = vertex.placement === "planner" || this.#parallelism === 1;
    if (isThere && vertex.parallelism === parallelism) return stream;
    const distribution = parallelism === 1 ? SINGLE : stream.distribution;
    const isStraight = vertex.parallelism === parallelism;
    const exchange = { kind: parallelism === 1 ? "gather" : isStraight ? "forward" : "rebalance" } as const;
    const moved = this.graph.exchange(stream, exchange, { parallelism, placement: "planner", distribution });
    const { isPartitioned = false } = stream;
    return { ...moved, order: isStraight ? stream.order : [], isPartitioned };
  }

  #toSingle(stream: PhysicalStream): PhysicalStream {
    if (stream.vertex.parallelism === 1) return stream;
    return this.graph.exchange(
      stream,
      { kind: "gather" },
      { parallelism: 1, placement: "workers", distribution: SINGLE },
    );
  }

  #toGroups(stream: PhysicalStream, keys: readonly string[]): PhysicalStream {
    if (keys.length === 0) return this.#toSingle(stream);
    const target = {
      parallelism: this.#parallelism,
      placement: "workers",
      distribution: { kind: "hash", keys },
    } as const;
    return this.graph.exchange(stream, { kind: "hash", keys }, target);
  }
}

const ANY: Distribution = { kind: "any" };
const SINGLE: Distribution = { kind: "single" };

const partitioned = (stream: PhysicalStream): PhysicalStream => ({ ...stream, isPartitioned: true });

const sortSpec = (keys: readonly OrderKey[], schema: Schema): OperatorNode => ({
  kind: "sort",
  name: `sort(${formatKeys(keys)})`,
  keys: positions(keys, schema),
});

/** Core operators know columns by position. */
const positions = (keys: readonly OrderKey[], schema: Schema): SortKey[] =>
  keys.map((key) => ({ ...key, column: schema.indexOf(key.column) }));

const formatKeys = (keys: readonly OrderKey[]): string =>
  keys.map((key) => `${key.column}${key.descending === true ? " desc" : ""}`).join(", ");

/** Whether rows with equal keys are already in one subtask. */
function isTogether(stream: PhysicalStream, keys: readonly string[]): boolean {
  const { distribution } = stream;
  if (distribution.kind === "single" || stream.vertex.parallelism === 1) return true;
  return distribution.kind === "hash" && distribution.keys.every((key) => keys.includes(key));
}

function startsWithOrder(order: readonly OrderKey[], wanted: readonly OrderKey[]): boolean {
  return wanted.every((key, i) => {
    const given = order[i];
    return (
      given !== undefined &&
      given.column === key.column &&
      (given.descending ?? false) === (key.descending ?? false) &&
      given.nullsFirst === key.nullsFirst
    );
  });
}

/** Distribution and order under a projection: a column counts on as long as it passes unchanged, under any name. */
function renamed(stream: PhysicalStream, columns: readonly { name: string; expression: ExpressionNode }[]) {
  const nameOf = (column: string): string | undefined =>
    columns.find(({ expression }) => expression.kind === "column" && expression.name === column)?.name;
  const order: OrderKey[] = [];
  for (const key of stream.order) {
    const column = nameOf(key.column);
    if (column === undefined) break;
    order.push({ ...key, column });
  }
  const { distribution } = stream;
  if (distribution.kind !== "hash") return { distribution, order };
  const keys = distribution.keys.map(nameOf);
  return { distribution: keys.includes(undefined) ? ANY : { ...distribution, keys: keys as string[] }, order };
}

const keepingColumns = (stream: PhysicalStream, names: readonly string[]) =>
  renamed(
    stream,
    names.map((name) => ({ name, expression: columnNode(name) })),
  );
