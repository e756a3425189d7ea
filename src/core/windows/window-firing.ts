import type { FunctionOutputs } from "../process/function-outputs.ts";
import type { Row } from "../rows/row-view.ts";
import type { UserFunction } from "../rows/user-function.ts";
import type { Evictor, TimedRow } from "./evictor.ts";
import type { OpenWindow } from "./open-windows.ts";
import type { TriggerTimers } from "./trigger-timers.ts";
import { LAST_EVENT_TIME_MS } from "./window.ts";
import type { WindowAssigner } from "./window-assigner.ts";
import type { ProcessWindow, ProcessWindowFunction } from "./window-calculation.ts";
import type { WindowCall } from "./window-call.ts";
import type { Accumulation } from "./window-contents.ts";

/** What the result of a window is made by; a part that is not there is undefined. */
export interface FiringParts {
  readonly assigner: WindowAssigner;
  readonly times: TriggerTimers;
  readonly outputs: FunctionOutputs;
  readonly evictor: Evictor | undefined;
  readonly accumulation: Accumulation | undefined;
  readonly process: UserFunction<ProcessWindow> | undefined;
  readonly clear: ProcessWindowFunction["clear"];
  readonly call: WindowCall;
}

/** Gives the results of windows. */
export class WindowFiring {
  readonly #parts: FiringParts;

  constructor(parts: FiringParts) {
    this.#parts = parts;
  }

  /** Gives the result of a window that has rows; `timerMs`: the timer of event time that asks for it. */
  fire(open: OpenWindow, timerMs = Number.NEGATIVE_INFINITY): void {
    if (open.accumulator === undefined && open.rows.length === 0) return;
    const { evictor, accumulation, times, outputs } = this.#parts;
    if (evictor === undefined) {
      outputs.setTime(this.#resultMs(open, open.latestMs, timerMs));
      this.#give(open, accumulation === undefined ? open.rows : [accumulation.result(open.accumulator) as Row]);
      return;
    }
    let kept: readonly TimedRow[] = open.rows.map((row, i) => ({ row, timestampMs: open.times[i] }));
    if (evictor.evictBefore !== undefined) kept = evictor.evictBefore(kept, open.window, times);
    if (kept.length > 0) {
      const latestMs = kept.reduce((latest, { timestampMs }) => Math.max(latest, timestampMs), kept[0].timestampMs);
      outputs.setTime(this.#resultMs(open, latestMs, timerMs));
      const rows = kept.map(({ row }) => row);
      this.#give(open, accumulation === undefined ? rows : [accumulation.fold(rows) as Row]);
      if (evictor.evictAfter !== undefined) kept = evictor.evictAfter(kept, open.window, times);
    }
    open.rows = kept.map(({ row }) => row);
    open.times = kept.map(({ timestampMs }) => timestampMs);
  }

  /** The window closes: the function lets go of what it keeps for it. */
  close(open: OpenWindow): void {
    const { process: user, call, clear } = this.#parts;
    if (user === undefined) return;
    const context = call.of(open);
    clear?.(context);
    context.clearWindowStates();
  }

  #give(open: OpenWindow, rows: readonly Row[]): void {
    const { process: user, outputs, call } = this.#parts;
    if (user === undefined) {
      outputs.main.collect(rows[0]);
      return;
    }
    const context = call.of(open);
    for (const row of user.call(context.key as never, context, rows)) outputs.main.collect(row);
  }

  #resultMs(open: OpenWindow, latestMs: number, timerMs: number): number {
    const { assigner, times } = this.#parts;
    // The newest row may be long past when a timer fires: its time would be late for a window behind this one.
    if (assigner.isGlobal) return Math.max(latestMs, Math.min(timerMs, LAST_EVENT_TIME_MS));
    return assigner.domain === "processing" ? times.currentProcessingTimeMs : open.window.endMs - 1;
  }
}
