import type { Batch } from "../../../src/core/batch.ts";
import type { Operator, OperatorContext, Output } from "../../../src/core/operator.ts";
import { END_OF_TIME_MS, START_OF_TIME_MS } from "../../../src/core/time/time.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import type { JobGraph, OperatorNode } from "../../../src/runtime/job-graph.ts";
import { createOperator } from "../../../src/runtime/operator-factory.ts";

/** The watermarks of an operator's subtasks when their state was taken, by their numbers; those that had ended have none. */
export interface TakenWatermarks {
  readonly parallelism: number;
  readonly bySubtask: ReadonlyMap<number, number>;
}

/** What a run saw of event time when its state was taken. */
export interface TakenTimes {
  /** By the uids of operators. */
  readonly watermarks: ReadonlyMap<string, TakenWatermarks>;
  /** How many subtasks each source and operator had, by their uids. */
  readonly layout: ReadonlyMap<string, number>;
}

/** What is seen of event time at every operator of a run. */
export class TimeWatch {
  readonly violations: string[] = [];
  /** By uid. */
  readonly #taken = new Map<string, { parallelism: number; bySubtask: Map<number, number> }>();
  readonly #layout = new Map<string, number>();
  readonly #restored: TakenTimes | undefined;

  readonly #expectsLate: boolean;

  /** `restored`: what was taken by the run that this one goes on from. */
  constructor(restored: TakenTimes | undefined, expectsLate = false) {
    this.#restored = restored;
    this.#expectsLate = expectsLate;
  }

  get taken(): TakenTimes {
    return { watermarks: this.#taken, layout: this.#layout };
  }

  /** The same graph, every operator of which is watched; nothing is fused then. */
  watch(graph: JobGraph): JobGraph {
    for (const { source, operators, parallelism } of graph.vertices) {
      for (const uid of [source?.stream?.uid, ...operators.map((node) => node.uid ?? node.name)]) {
        if (uid !== undefined) this.#layout.set(uid, parallelism);
      }
    }
    const vertices = graph.vertices.map((vertex) => ({
      ...vertex,
      placement: "planner" as const,
      operators: vertex.operators.map((node) => this.#watched(node)),
    }));
    return { ...graph, vertices };
  }

  /**
   * What no watermark may lie behind: its own where all steps have as many subtasks as before, else the least of all,
   * since rows may come to other subtasks then.
   */
  #floorOf(uid: string, { subtask, parallelism }: OperatorContext): number {
    const { watermarks, layout } = this.#restored ?? {};
    const restored = watermarks?.get(uid);
    if (restored === undefined) return START_OF_TIME_MS;
    const isSame = [...this.#layout].every(([step, count]) => (layout?.get(step) ?? count) === count);
    if (isSame && restored.parallelism === parallelism) return restored.bySubtask.get(subtask) ?? START_OF_TIME_MS;
    const all = [...restored.bySubtask.values()];
    return all.length === 0 ? START_OF_TIME_MS : Math.min(...all);
  }

  #onTaken(uid: string, parallelism: number, subtask: number, watermarkMs: number): void {
    const entry = this.#taken.get(uid) ?? { parallelism, bySubtask: new Map<number, number>() };
    if (watermarkMs < END_OF_TIME_MS) entry.bySubtask.set(subtask, watermarkMs);
    this.#taken.set(uid, entry);
  }

  #watched(node: OperatorNode): OperatorNode {
    const { name, uid = name } = node;
    return { kind: "local", name, uid, create: (inputs) => this.#around(createOperator(node, inputs), name, uid) };
  }

  #around(operator: Operator, name: string, uid: string): Operator {
    let watermarkMs = START_OF_TIME_MS;
    let workspace: Workspace;
    let [subtask, parallelism] = [0, 1];
    const say = (what: string) => this.violations.push(`${name}, subtask ${subtask}: ${what}`);
    const { flush, resume, processTime, pendingTimes, restoreState, notifyCheckpointComplete, wantedInput } = operator;
    let floorMs = START_OF_TIME_MS;
    return {
      outputSchema: operator.outputSchema,
      ...(operator.inputCount === undefined ? {} : { inputCount: operator.inputCount }),
      get isSatisfied() {
        return operator.isSatisfied ?? false;
      },
      open: (context: OperatorContext) => {
        ({ workspace, subtask, parallelism } = context);
        floorMs = this.#floorOf(uid, context);
        operator.open(context);
      },
      processBatch: (batch, output, input) => {
        const times = this.#expectsLate ? [] : timesOf(batch, workspace);
        const late = times.filter((timeMs) => timeMs <= watermarkMs);
        if (late.length > 0) say(`got rows of ${late.join(", ")} behind the watermark ${watermarkMs}`);
        return operator.processBatch(batch, output, input);
      },
      processWatermark: (watermark, output: Output) => {
        const { timeMs } = watermark;
        if (timeMs <= watermarkMs) say(`the watermark went from ${watermarkMs} to ${timeMs}`);
        if (timeMs < floorMs) say(`the watermark was ${floorMs} before the restore, and is ${timeMs} behind it`);
        watermarkMs = timeMs;
        if (operator.processWatermark !== undefined) return operator.processWatermark(watermark, output);
        output.emitWatermark(watermark);
        return "done";
      },
      snapshotState: (writer) => {
        this.#onTaken(uid, parallelism, subtask, Math.max(floorMs, watermarkMs));
        operator.snapshotState?.(writer);
      },
      endInput: (output, input) => operator.endInput(output, input),
      close: () => operator.close(),
      ...(flush && { flush: (output) => flush.call(operator, output) }),
      ...(resume && { resume: (output) => resume.call(operator, output) }),
      ...(processTime && { processTime: (nowMs, output) => processTime.call(operator, nowMs, output) }),
      ...(pendingTimes && { pendingTimes: () => pendingTimes.call(operator) }),
      ...(restoreState && { restoreState: (reader) => restoreState.call(operator, reader) }),
      ...(notifyCheckpointComplete && {
        notifyCheckpointComplete: (id) => notifyCheckpointComplete.call(operator, id),
      }),
      ...(wantedInput && { wantedInput: () => wantedInput.call(operator) }),
    };
  }
}

function timesOf({ rowTimes, rowCount }: Batch, { i64 }: Workspace): number[] {
  if (rowTimes === undefined) return [];
  return Array.from(i64.subarray(rowTimes.data >>> 3, (rowTimes.data >>> 3) + rowCount), Number);
}
