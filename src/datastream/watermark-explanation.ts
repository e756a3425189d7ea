import type { PendingTime } from "../core/time/pending-time.ts";
import { START_OF_TIME_MS } from "../core/time/time.ts";
import type { InputStatus } from "../runtime/input-watermarks.ts";
import type { SubtaskWatermarks } from "../runtime/watermark-report.ts";

/** Event time in every operator of a running job. */
export interface WatermarkExplanation {
  readonly operators: readonly OperatorExplanation[];
  /** The same as lines of text, those that hold something back first. */
  toString(): string;
}

export interface OperatorExplanation {
  readonly operator: string;
  readonly uid: string | undefined;
  readonly subtask: number;
  /** Epoch milliseconds; undefined before the first watermark. */
  readonly watermarkMs: number | undefined;
  readonly inputs: readonly InputExplanation[];
  /** The input that holds event time back: the ACTIVE one with the least watermark. */
  readonly heldBackBy: InputExplanation | undefined;
  /** Windows and timers that wait, earliest first. */
  readonly pending: readonly PendingTime[];
}

export interface InputExplanation {
  /** A split of the source, or a subtask of the step before. */
  readonly name: string;
  readonly status: InputStatus;
  readonly watermarkMs: number | undefined;
  /** For how long (wall clock) status and watermark have stayed as they are, in milliseconds. */
  readonly unchangedForMs: number;
}

export function explainWatermarks(subtasks: readonly SubtaskWatermarks[], nowMs: number): WatermarkExplanation {
  const known = (timeMs: number) => (timeMs === START_OF_TIME_MS ? undefined : timeMs);
  const operators = subtasks.flatMap(({ vertexName, subtask, inputs, operators: chain }) => {
    const explained = inputs.map(
      ({ name, status, watermarkMs, sinceMs }): InputExplanation => ({
        name,
        status,
        watermarkMs: known(watermarkMs),
        unchangedForMs: Math.max(0, nowMs - sinceMs),
      }),
    );
    const active = inputs.map((input, i) => ({ ...input, i })).filter(({ status }) => status === "ACTIVE");
    const least = active.reduce<(typeof active)[number] | undefined>(
      (found, input) => (found === undefined || input.watermarkMs < found.watermarkMs ? input : found),
      undefined,
    );
    const heldBackBy = least === undefined ? undefined : explained[least.i];
    const shown =
      chain.length === 0 ? [{ name: vertexName, uid: undefined, watermarkMs: START_OF_TIME_MS, pending: [] }] : chain;
    return shown.map(
      ({ name, uid, watermarkMs, pending }, position): OperatorExplanation => ({
        operator: name,
        uid,
        subtask,
        watermarkMs: known(watermarkMs),
        // What follows in a chain has the operator before it as its only input.
        inputs: position === 0 ? explained : [],
        heldBackBy: position === 0 ? heldBackBy : undefined,
        pending,
      }),
    );
  });
  return { operators, toString: () => operators.map(describe).join("\n") };
}

function describe({ operator, subtask, watermarkMs, inputs, heldBackBy, pending }: OperatorExplanation): string {
  const lines = [`${operator}, subtask ${subtask}: watermark ${time(watermarkMs)}`];
  for (const input of inputs) {
    const mark = input === heldBackBy && inputs.length > 1 ? "  <- holds event time back" : "";
    lines.push(
      `  ${input.status.padEnd(8)} ${time(input.watermarkMs)} for ${(input.unchangedForMs / 1000).toFixed(1)} s  ${input.name}${mark}`,
    );
  }
  for (const { what, timeDomain, atMs, count } of pending) {
    const domain = timeDomain === "event" ? "the watermark" : "the clock";
    lines.push(`  waits for ${domain} to reach ${time(atMs)}: ${what}${count > 1 ? ` and ${count - 1} more` : ""}`);
  }
  return lines.join("\n");
}

const time = (timeMs: number | undefined): string =>
  timeMs === undefined || Math.abs(timeMs) > 8.64e15 ? "none yet" : new Date(timeMs).toISOString();
