import { PlanError } from "../core/errors.ts";
import { CountEvictor, type Evictor } from "../core/windows/evictor.ts";
import type { Trigger } from "../core/windows/trigger.ts";
import {
  ContinuousProcessingTimeTrigger,
  CountTrigger,
  EventTimeTrigger,
  ProcessingTimeTrigger,
  PurgingTrigger,
} from "../core/windows/triggers.ts";
import type { AnyWindowSpec, DynamicSessionSpec } from "../core/windows/window-assigner.ts";
import type { WindowSpec } from "../core/windows/window-spec.ts";
import type { OperatorNode } from "../runtime/job-graph.ts";

/** What a window is made of, before it is told what to compute. */
export interface WindowOptions {
  readonly window: AnyWindowSpec;
  readonly allowedLatenessMs?: number;
  readonly trigger?: Trigger;
  readonly evictor?: Evictor;
}

/** What built-in aggregates can do: windows as plain data, and early results by the clock. */
interface AggregatedWindow {
  readonly window: WindowSpec;
  readonly earlyEveryMs?: number;
}

/** Gaps that a function gives are a column by now. */
type AggregateOptions = WindowOptions & { readonly window: Exclude<AnyWindowSpec, DynamicSessionSpec> };

/**
 * The operator of built-in aggregates, which runs in kernels and has no place for user code.
 * @throws {PlanError} WINDOW_AGGREGATE_UNSUPPORTED
 */
export function windowAggregate(
  keys: readonly string[],
  options: AggregateOptions,
  aggregates: readonly unknown[],
): OperatorNode {
  const { window, earlyEveryMs } = aggregatedWindow(options);
  const { allowedLatenessMs } = options;
  const lateness = allowedLatenessMs === undefined ? {} : { allowedLatenessMs };
  const shared = { name: `${windowName(window)}(${keys.join(", ")})`, keys, aggregates, window };
  switch (window.kind) {
    case "session":
      return { kind: "sessionAggregate", ...shared, ...lateness };
    case "count":
    case "global":
      return { kind: "countAggregate", ...shared };
    default: {
      const early = earlyEveryMs === undefined ? {} : { earlyEveryMs };
      return { kind: "windowAggregate", ...shared, ...lateness, ...early };
    }
  }
}

function aggregatedWindow({ window, trigger, evictor }: AggregateOptions): AggregatedWindow {
  if (window.kind === "custom") throw unsupported("windows of your own");
  if (trigger === undefined && evictor === undefined) return { window };
  if (window.kind === "global") return { window: countedWindow(trigger, evictor) };
  if (evictor !== undefined) throw unsupported("an evictor");
  const isDefault =
    trigger instanceof EventTimeTrigger
      ? !("domain" in window) || window.domain !== "processing"
      : trigger instanceof ProcessingTimeTrigger && "domain" in window && window.domain === "processing";
  if (isDefault && window.kind !== "count") return { window };
  if (trigger instanceof ContinuousProcessingTimeTrigger && window.kind !== "session" && window.kind !== "count") {
    return { window, earlyEveryMs: trigger.intervalMs };
  }
  throw unsupported(`${nameOf(trigger)} on ${window.kind} windows`);
}

/** A global window that counts its rows is a count window. */
function countedWindow(trigger: Trigger | undefined, evictor: Evictor | undefined): WindowSpec {
  if (trigger instanceof EventTimeTrigger && evictor === undefined) return { kind: "global" };
  const counting = trigger instanceof PurgingTrigger ? trigger.trigger : undefined;
  if (counting instanceof CountTrigger && evictor === undefined) return { kind: "count", rows: counting.count };
  const keepsLast = evictor instanceof CountEvictor && evictor.evictBefore !== undefined && evictor.count > 0;
  if (trigger instanceof CountTrigger && keepsLast) {
    return { kind: "count", rows: evictor.count, slideRows: trigger.count };
  }
  throw unsupported(`${nameOf(trigger)}${evictor === undefined ? "" : ` and ${nameOf(evictor)}`} on global windows`);
}

const nameOf = (given: object | undefined): string =>
  given === undefined ? "no trigger" : given.constructor === Object ? "one of your own" : given.constructor.name;

const unsupported = (what: string): PlanError =>
  new PlanError(
    "WINDOW_AGGREGATE_UNSUPPORTED",
    `Built-in aggregates were given ${what}.`,
    "They fire when a window is over, and also earlier with ContinuousProcessingTimeTrigger on tumbling, sliding and cumulating windows. Give reduce, process or an AggregateFunction instead: these take any trigger, evictor and window.",
  );

/** For explain and metrics. */
export function windowName(window: AnyWindowSpec): string {
  switch (window.kind) {
    case "tumbling":
      return `window ${window.sizeMs} ms`;
    case "sliding":
      return `window ${window.sizeMs} ms every ${window.slideMs} ms`;
    case "cumulate":
      return `window up to ${window.maxSizeMs} ms by ${window.stepMs} ms`;
    case "session":
      return "gapMs" in window ? `session ${window.gapMs} ms` : "session";
    case "dynamicSession":
      return "session";
    case "count":
      return window.slideRows === undefined
        ? `window ${window.rows} rows`
        : `window ${window.rows} rows every ${window.slideRows}`;
    case "global":
      return "global window";
    case "custom":
      return "custom window";
  }
}
