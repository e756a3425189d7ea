import type { Batch } from "../../../src/core/batch.ts";
import type { Operator, OperatorContext, Output } from "../../../src/core/operator.ts";
import { START_OF_TIME_MS } from "../../../src/core/time/time.ts";
import type { Workspace } from "../../../src/core/workspace.ts";
import type { JobGraph, OperatorNode } from "../../../src/runtime/job-graph.ts";
import { createOperator } from "../../../src/runtime/operator-factory.ts";

/** What is seen of event time at every operator of a run. */
export class TimeWatch {
  readonly violations: string[] = [];
  /** By uid, the least watermark of its subtasks when their state was taken. */
  readonly taken = new Map<string, number>();
  readonly #restored: ReadonlyMap<string, number>;

  readonly #expectsLate: boolean;

  /** `restored`: what was taken by the run that this one goes on from. */
  constructor(restored: ReadonlyMap<string, number> = new Map(), expectsLate = false) {
    this.#restored = restored;
    this.#expectsLate = expectsLate;
  }

  /** The same graph, every operator of which is watched; nothing is fused then. */
  watch(graph: JobGraph): JobGraph {
    const vertices = graph.vertices.map((vertex) => ({
      ...vertex,
      placement: "planner" as const,
      operators: vertex.operators.map((node) => this.#watched(node)),
    }));
    return { ...graph, vertices };
  }

  #watched(node: OperatorNode): OperatorNode {
    const { name, uid = name } = node;
    return { kind: "local", name, uid, create: (inputs) => this.#around(createOperator(node, inputs), name, uid) };
  }

  #around(operator: Operator, name: string, uid: string): Operator {
    let watermarkMs = START_OF_TIME_MS;
    let workspace: Workspace;
    let subtask = 0;
    const say = (what: string) => this.violations.push(`${name}, subtask ${subtask}: ${what}`);
    const { resume, processTime, pendingTimes, restoreState, notifyCheckpointComplete, wantedInput } = operator;
    // Where nothing is remembered, event time may come from further back.
    const floorMs = (restoreState && this.#restored.get(uid)) ?? START_OF_TIME_MS;
    return {
      outputSchema: operator.outputSchema,
      ...(operator.inputCount === undefined ? {} : { inputCount: operator.inputCount }),
      get isSatisfied() {
        return operator.isSatisfied ?? false;
      },
      open: (context: OperatorContext) => {
        ({ workspace, subtask } = context);
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
        this.taken.set(uid, Math.min(this.taken.get(uid) ?? watermarkMs, watermarkMs));
        operator.snapshotState?.(writer);
      },
      endInput: (output, input) => operator.endInput(output, input),
      close: () => operator.close(),
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
