import { PlanError } from "../../core/errors.ts";
import { checkMaxParallelism } from "../../core/key-group.ts";
import type { Schema } from "../../core/schema.ts";
import { hasUserCode } from "../../core/time/watermark-strategy.ts";
import type { Exchange, JobEdge, JobGraph, JobVertex, OperatorNode, StreamSettings } from "../../runtime/job-graph.ts";
import { fuseOperators } from "./fuse-operators.ts";
import {
  inputSchema,
  type Route,
  type StreamInput,
  type StreamNode,
  type StreamOperatorNode,
  type StreamSinkNode,
} from "./stream-node.ts";
import { assignUids } from "./stream-uids.ts";
import { inTwoPhases, isPartials, mayBeInTwoPhases, type TwoPhaseContext } from "./two-phase-windows.ts";

export interface StreamPlanOptions extends StreamSettings {
  /** Of operators without an own one. */
  readonly parallelism: number;
  /** False: every operator is a vertex of its own. */
  readonly chaining: boolean;
  /** True where worker threads can build user code themselves: only what belongs to the caller stays on this thread. */
  readonly functionsOnWorkers?: boolean;
}

const DEFAULT_SLOT_SHARING_GROUP = "default";

interface Vertex {
  readonly id: number;
  readonly parallelism: number;
  readonly placement: JobVertex["placement"];
  readonly slotSharingGroup: string;
  readonly source?: JobVertex["source"];
  readonly inputs: Schema[];
  readonly operators: OperatorNode[];
  sink?: JobVertex["sink"];
  /** Names that the user gave to source and sink. */
  readonly given: { source?: string; sink?: string };
  /** Nothing more is chained to it. */
  isSealed: boolean;
}

/** A vertex that feeds an input. */
interface Producer {
  readonly from: Vertex;
  readonly route: Route;
  readonly tag?: string;
  /** Its columns, where its rows may be taken back. */
  readonly changelog?: Schema;
}

/**
 * Makes the job graph of a stream: operators that follow each other without an exchange share a subtask (a chain), and
 * keyed operators read by key group, so that a row's key decides on its subtask at any parallelism.
 * @throws {PlanError} NOTHING_TO_EXECUTE, MAX_PARALLELISM_INVALID, UID_DUPLICATE, FORWARD_PARALLELISM
 */
export function planStream(sinks: readonly StreamNode[], options: StreamPlanOptions): JobGraph {
  return new StreamPlanner(sinks, options).plan();
}

class StreamPlanner {
  readonly #sinks: readonly StreamNode[];
  readonly #options: StreamPlanOptions;
  readonly #vertices: Vertex[] = [];
  readonly #edges: JobEdge[] = [];
  readonly #placed = new Map<StreamNode, Vertex>();
  readonly #consumers = new Map<StreamNode, number>();
  /** Nodes whose side outputs are read. */
  readonly #sideRead = new Set<StreamNode>();
  readonly #uids: ReadonlyMap<StreamNode, string>;
  readonly #slotSharingGroups = new Map<StreamNode, string>();
  /** What operators that stand for several read. */
  readonly #reads = new Map<OperatorNode, Schema>();
  #sinkCount = 0;

  constructor(sinks: readonly StreamNode[], options: StreamPlanOptions) {
    this.#sinks = sinks;
    this.#options = options;
    this.#uids = assignUids(sinks);
    const seen = new Set<StreamNode>();
    const count = (node: StreamNode): void => {
      if (seen.has(node)) return;
      seen.add(node);
      for (const input of node.inputs) {
        this.#consumers.set(input.node, (this.#consumers.get(input.node) ?? 0) + 1);
        if (input.side !== undefined) this.#sideRead.add(input.node);
        count(input.node);
      }
    };
    for (const sink of sinks) count(sink);
  }

  plan(): JobGraph {
    const {
      mode,
      maxParallelism,
      bufferTimeoutMs,
      watermarkIntervalMs,
      parallelism,
      hasCheckpoints,
      alignedTimeoutMs,
    } = this.#options;
    checkMaxParallelism(maxParallelism, parallelism);
    for (const sink of this.#sinks) this.#place(sink);
    return {
      vertices: this.#vertices.map(({ isSealed: _, slotSharingGroup, given, inputs, ...vertex }) => ({
        ...vertex,
        ...this.#slotGroup(vertex.placement, slotSharingGroup),
        name: vertexName(vertex, given),
        inputs: inputs.map((schema) => schema.fields),
      })),
      edges: this.#edges,
      stream: {
        mode,
        maxParallelism,
        bufferTimeoutMs,
        watermarkIntervalMs,
        ...(hasCheckpoints === undefined ? {} : { hasCheckpoints }),
        ...(alignedTimeoutMs === undefined ? {} : { alignedTimeoutMs }),
      },
    };
  }

  /** Only what runs on worker threads takes a share of them. */
  #slotGroup(placement: JobVertex["placement"], name: string): Pick<JobVertex, "slotGroup"> {
    const onWorkers = this.#vertices.filter((vertex) => vertex.placement === "workers");
    const names = [...new Set(onWorkers.map(({ slotSharingGroup }) => slotSharingGroup))];
    if (placement !== "workers" || names.length === 1) return {};
    return { slotGroup: { name, index: names.indexOf(name), count: names.length } };
  }

  #place(node: StreamNode): Vertex {
    const placed = this.#placed.get(node);
    if (placed !== undefined) return placed;
    const vertex = this.#build(node);
    this.#placed.set(node, vertex);
    return vertex;
  }

  #build(node: StreamNode): Vertex {
    switch (node.op) {
      case "source":
        return this.#source(node);
      case "operator":
        return this.#operator(node, inTwoPhases(node, this.#twoPhases(node)) ?? node);
      case "union":
        // Only readers of a union are placed; one that is read by nobody but a sink needs a vertex.
        return this.#vertex(node, [node.schema], "workers", node.inputs);
      case "sink":
        return this.#sink(node);
    }
  }

  #source(node: StreamNode & { op: "source" }): Vertex {
    const { source, strategy, isLocal } = node;
    const holdsUserCode = isLocal || (strategy !== undefined && hasUserCode(strategy));
    const uid = this.#uidOf(node);
    const vertex: Vertex = {
      id: this.#vertices.length,
      parallelism: this.#parallelismOf(node),
      placement: this.#placement(holdsUserCode, source.staysWithCaller),
      slotSharingGroup: this.#slotSharingGroupOf(node),
      source: {
        spec: source.spec,
        splits: source.createEnumerator === undefined ? source.splits() : [],
        stream: { uid, ...(strategy === undefined ? {} : { strategy }) },
        ...(holdsUserCode ? { local: source } : {}),
      },
      inputs: [],
      operators: [],
      given: node.name === source.description ? {} : { source: node.name },
      isSealed: this.#sealsAfter(node),
    };
    this.#vertices.push(vertex);
    return vertex;
  }

  /** `planned`: what stands for the node in the plan. */
  #operator(node: StreamOperatorNode, planned: StreamOperatorNode): Vertex {
    const operator: OperatorNode = {
      ...planned.operator,
      name: planned.name,
      uid: this.#uidOf(node),
      ...(node.callSite === undefined ? {} : { callSite: node.callSite }),
    };
    const { inputs } = planned;
    // Rows are combined on the thread where they are.
    const placement = isPartials(operator)
      ? this.#place(inputs[0].node).placement
      : this.#placement(operator.kind === "local");
    const before = this.#chainTarget(planned, placement);
    if (before !== undefined) {
      this.#append(before, node, operator);
      if (this.#sealsAfter(node)) before.isSealed = true;
      return before;
    }
    const vertex = this.#vertex(planned, inputs.map(inputSchema), placement, inputs);
    vertex.operators.push(operator);
    vertex.isSealed = this.#sealsAfter(node);
    return vertex;
  }

  #twoPhases(node: StreamOperatorNode): TwoPhaseContext {
    return {
      parallelismOf: (of) => this.#parallelismOf(of),
      readersOf: (of) => this.#consumers.get(of) ?? 0,
      bufferTimeoutMs: this.#options.bufferTimeoutMs,
      uid: this.#uidOf(node),
      readsLateRows: this.#sideRead.has(node),
    };
  }

  /** Operators that the user gave a uid stay apart, to be found by it. */
  #append({ operators }: Vertex, node: StreamOperatorNode, operator: OperatorNode): void {
    const before = node.inputs[0].node;
    const last = operators.at(-1);
    if (last === undefined || before.op !== "operator" || before.uid !== undefined || node.uid !== undefined) {
      operators.push(operator);
      return;
    }
    const read = this.#reads.get(last) ?? inputSchema(before.inputs[0]);
    const fused = fuseOperators(last, operator, read);
    operators.splice(-1, 1, ...fused);
    this.#reads.set(fused[0], read);
  }

  #sink(node: StreamSinkNode): Vertex {
    const { sink, isLocal } = node;
    const placement = this.#placement(isLocal, sink.staysWithCaller);
    const before = this.#chainTarget(node, placement);
    const vertex = before ?? this.#vertex(node, node.inputs.map(inputSchema), placement, node.inputs);
    vertex.sink = {
      id: this.#sinkCount++,
      uid: this.#uidOf(node),
      spec: sink.spec,
      ...(isLocal ? { local: sink } : {}),
    };
    if (node.name !== sink.description) vertex.given.sink = node.name;
    vertex.isSealed = true;
    return vertex;
  }

  #placement(holdsUserCode: boolean, staysWithCaller = false): JobVertex["placement"] {
    if (staysWithCaller) return "planner";
    return holdsUserCode && this.#options.functionsOnWorkers !== true ? "planner" : "workers";
  }

  /** The vertex behind whose last operator this node can run in the same subtask. */
  #chainTarget(node: StreamNode, placement: JobVertex["placement"]): Vertex | undefined {
    const [input] = node.inputs;
    if (node.inputs.length !== 1 || input.side !== undefined || input.node.op === "union") return undefined;
    if (!this.#options.chaining || node.chaining === "never" || node.chaining === "head") return undefined;
    if (input.route.kind !== "any" && input.route.kind !== "forward") return undefined;
    const vertex = this.#place(input.node);
    if (vertex.isSealed || vertex.placement !== placement) return undefined;
    if (vertex.slotSharingGroup !== this.#slotSharingGroupOf(node)) return undefined;
    return vertex.parallelism === this.#parallelismOf(node) ? vertex : undefined;
  }

  #vertex(
    node: StreamNode,
    inputs: readonly Schema[],
    placement: JobVertex["placement"],
    reads: readonly StreamInput[],
  ): Vertex {
    const producers = reads.flatMap((input, i) =>
      this.#producers(input).map((producer) => ({ ...producer, input: i })),
    );
    const vertex: Vertex = {
      id: this.#vertices.length,
      parallelism: this.#parallelismOf(node),
      placement,
      slotSharingGroup: this.#slotSharingGroupOf(node),
      inputs: [...inputs],
      operators: [],
      given: {},
      isSealed: false,
    };
    this.#vertices.push(vertex);
    const isUnion = node.op === "union";
    for (const { from, route, tag, input, changelog } of producers) {
      from.isSealed = true;
      this.#edges.push({
        from: from.id,
        to: vertex.id,
        input: isUnion ? 0 : input,
        exchange: this.#exchange(route, from.parallelism, vertex.parallelism, node, changelog),
        ...(this.#mayBeOvertaken(node, reads[input]) ? { mayBeOvertaken: true } : {}),
        ...(tag === undefined ? {} : { tag }),
      });
    }
    return vertex;
  }

  /** See `JobEdge.mayBeOvertaken`. Where the reader does not mind the route, it may be chained in another layout. */
  #mayBeOvertaken(node: StreamNode, { route }: StreamInput): boolean {
    if (!["keyed", "rebalance", "shuffle", "global"].includes(route.kind) || node.op === "union") return false;
    return node.op !== "operator" || !mayBeInTwoPhases(node, this.#twoPhases(node));
  }

  /** The vertices that feed an input: those of all members where it reads a union. */
  #producers({ node, route, side }: StreamInput): Producer[] {
    if (node.op === "union" && side === undefined) {
      // Members go where the reader wants them; where it does not mind, as they were told to.
      return node.inputs.flatMap((member) => this.#producers(route.kind === "any" ? member : { ...member, route }));
    }
    const from = this.#place(node);
    if (side !== undefined) return [{ from, route, tag: side.tag }];
    return [{ from, route, ...(node.isUpdating ? { changelog: node.schema } : {}) }];
  }

  #exchange(route: Route, from: number, to: number, node: StreamNode, changelog: Schema | undefined): Exchange {
    const { maxParallelism } = this.#options;
    switch (route.kind) {
      case "any":
        if (from === to) return { kind: "forward" };
        if (changelog !== undefined && to > 1) return { kind: "keyGroup", keys: changelog.names, maxParallelism };
        return { kind: "rebalance" };
      case "rebalance":
      case "rescale":
      case "shuffle":
        // A row must not overtake the one that takes it back: equal rows go one way.
        if (changelog !== undefined && to > 1) return { kind: "keyGroup", keys: changelog.names, maxParallelism };
        return route;
      case "forward":
        if (from === to) return { kind: "forward" };
        throw new PlanError(
          "FORWARD_PARALLELISM",
          `"${node.name}" reads ${from} subtasks by forward(), but has ${to} itself.`,
          "Give both the same parallelism, or use rescale() or rebalance().",
        );
      case "keyed":
        return { kind: "keyGroup", keys: route.keys, maxParallelism };
      case "global":
        return to === 1 ? { kind: "gather" } : { kind: "global" };
      default:
        return route;
    }
  }

  /** Nothing is chained behind a node that several read, whose side outputs are read, or that stays alone. */
  #sealsAfter(node: StreamNode): boolean {
    return (this.#consumers.get(node) ?? 0) > 1 || node.chaining === "never" || !this.#options.chaining;
  }

  #parallelismOf(node: StreamNode): number {
    const given = node.parallelism ?? this.#options.parallelism;
    checkMaxParallelism(this.#options.maxParallelism, given);
    if (node.op === "sink" && node.sink.isSingleFile === true) return 1;
    return given;
  }

  #slotSharingGroupOf(node: StreamNode): string {
    if (node.slotSharingGroup !== undefined) return node.slotSharingGroup;
    const known = this.#slotSharingGroups.get(node);
    if (known !== undefined) return known;
    const [first, ...others] = node.inputs.map((input) => this.#slotSharingGroupOf(input.node));
    const group = first !== undefined && others.every((other) => other === first) ? first : DEFAULT_SLOT_SHARING_GROUP;
    this.#slotSharingGroups.set(node, group);
    return group;
  }

  #uidOf(node: StreamNode): string {
    return this.#uids.get(node) ?? node.uid ?? node.name;
  }
}

function vertexName(vertex: Pick<Vertex, "source" | "operators" | "sink">, given: Vertex["given"]): string {
  const parts = vertex.operators.map((operator) => operator.name);
  if (vertex.source !== undefined)
    parts.unshift(given.source ?? vertex.source.local?.description ?? vertex.source.spec.kind);
  if (vertex.sink !== undefined)
    parts.push(given.sink ?? vertex.sink.local?.description ?? `write ${vertex.sink.spec.kind}`);
  return parts.length === 0 ? "exchange" : parts.join(" -> ");
}
