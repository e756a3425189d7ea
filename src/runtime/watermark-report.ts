import type { PendingTime } from "../core/time/pending-time.ts";
import type { JobVertex } from "./job-graph.ts";
import type { Subtask } from "./subtask.ts";
import type { InputReport } from "./subtask-input.ts";

/** Event time in one subtask, as plain data. */
export interface SubtaskWatermarks {
  readonly vertex: number;
  readonly vertexName: string;
  readonly subtask: number;
  readonly isFinished: boolean;
  /** What it cannot go on without; absent once it has finished. */
  readonly waitsFor?: string;
  /** Channels or splits, with what each says of event time. */
  readonly inputs: readonly InputReport[];
  readonly operators: readonly OperatorWatermark[];
}

export interface OperatorWatermark {
  readonly name: string;
  readonly uid: string | undefined;
  /** START_OF_TIME_MS before the first. */
  readonly watermarkMs: number;
  /** What the operator waits for: the next windows and timers, earliest first. */
  readonly pending: readonly PendingTime[];
}

export function watermarksOf(subtask: Subtask, vertex: JobVertex): SubtaskWatermarks {
  const { inputs, operators } = subtask.watermarks;
  const { waitsFor } = subtask;
  return {
    vertex: vertex.id,
    vertexName: vertex.name,
    subtask: subtask.index,
    isFinished: subtask.isFinished,
    ...(waitsFor === undefined ? {} : { waitsFor }),
    inputs,
    operators: subtask.chain.operators.map(({ name, uid, operator }, i) => ({
      name,
      uid,
      watermarkMs: operators[i],
      pending: subtask.isFinished ? [] : (operator.pendingTimes?.() ?? []),
    })),
  };
}
