import { checkedOptions } from "../api/options.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import { PlanError } from "../core/errors.ts";
import type { ResultShape } from "../core/operators/map-rows.ts";
import { WindowFunctionOperator, type WindowFunctionSpec } from "../core/operators/window-function.ts";
import type { JoinWindowSpec } from "../core/row-state/window-sides.ts";
import type { Row } from "../core/rows/row-view.ts";
import type { FunctionSite } from "../core/rows/user-function.ts";
import type { Schema } from "../core/schema.ts";
import type { Fields } from "../core/types.ts";
import { checkedEvictor, type Evictor } from "../core/windows/evictor.ts";
import type { TaggedRow } from "../core/windows/tagged-row.ts";
import type { Trigger } from "../core/windows/trigger.ts";
import { checkedTrigger } from "../core/windows/triggers.ts";
import type { AnyWindowSpec, DynamicSessionSpec } from "../core/windows/window-assigner.ts";
import type { ProcessWindowFunction } from "../core/windows/window-calculation.ts";
import { checkLatenessOf } from "../core/windows/window-spec.ts";
import { shownSchema, type WindowInputSpec } from "../core/windows/windowed-input.ts";
import type { StreamNode } from "../plan/stream/stream-node.ts";
import type { KeyedStream } from "./keyed-stream.ts";
import { plainWindow } from "./session-gaps.ts";
import { unboundedSource } from "./sources-below.ts";
import { functionPlan, type StreamFunction, type StreamFunctionOptions } from "./stream-functions.ts";
import type { StreamPlan } from "./stream-plan.ts";
import { type CustomWindows, type WindowAssigner, windowSpec } from "./windows.ts";

// Windows that two keyed streams share. Kernels join those of time; where a trigger, an evictor or windows of one's own
// look at single rows, the operator of window functions keeps the rows of both, each marked with its side.

/** Windows of two streams, when they give their results, and which rows they keep. */
export interface SharedWindows {
  readonly window: AnyWindowSpec;
  readonly allowedLatenessMs: number;
  readonly trigger?: Trigger;
  readonly evictor?: Evictor;
}

/** The two streams. */
export interface KeyedSides {
  readonly left: KeyedStream<Fields, string>;
  readonly right: KeyedStream<Fields, string>;
}

/** What of the windows of two streams can be chosen. `L` and `R`: the rows of either. */
export interface SharedWindowOptions<L = Row, R = Row> {
  /**
   * For how long after its end a window takes late rows. Without a trigger it waits for them and then gives its result,
   * once; with one, such as EventTimeTrigger, it may fire at its end and again for each late row, as in Flink.
   */
  readonly allowedLatenessMs?: number;
  /** When a window gives its result, in place of its end: any number of times, with all rows that it then has. */
  readonly trigger?: Trigger<never, TaggedRow<L, R>>;
  /** Which rows of either side stay when a window fires. */
  readonly evictor?: Evictor<TaggedRow<L, R>>;
}

/** The same, before it is checked. */
type GivenOptions = Partial<Readonly<Record<"trigger" | "evictor", object>>> & { readonly allowedLatenessMs?: number };

/** @throws {PlanError} WINDOW_INVALID, WINDOW_LATENESS_INVALID, TRIGGER_INVALID, EVICTOR_INVALID */
export function sharedWindows(
  windows: WindowAssigner<Fields> | CustomWindows<never>,
  options: GivenOptions,
): SharedWindows {
  const given = checkedOptions("window", options, ["allowedLatenessMs", "trigger", "evictor"]);
  return changedWindows({ window: windowSpec("window", windows), allowedLatenessMs: 0 }, given);
}

/** The windows with something changed. @throws {PlanError} WINDOW_LATENESS_INVALID, TRIGGER_INVALID, EVICTOR_INVALID */
export function changedWindows(windows: SharedWindows, change: GivenOptions): SharedWindows {
  const { allowedLatenessMs, trigger, evictor } = change;
  if (allowedLatenessMs !== undefined) checkLatenessOf(windows.window, allowedLatenessMs);
  return {
    ...windows,
    ...(allowedLatenessMs === undefined ? {} : { allowedLatenessMs }),
    ...(trigger === undefined ? {} : { trigger: checkedTrigger("trigger", trigger) as unknown as Trigger }),
    ...(evictor === undefined ? {} : { evictor: checkedEvictor(evictor) as unknown as Evictor }),
  };
}

/** The windows as kernels join in them; undefined where the rows must be looked at one by one. */
export function kernelWindow({
  window,
  trigger,
  evictor,
}: SharedWindows): JoinWindowSpec | DynamicSessionSpec | undefined {
  if (trigger !== undefined || evictor !== undefined) return undefined;
  return window.kind === "global" || window.kind === "count" || window.kind === "custom" ? undefined : window;
}

/** What windows of both streams make of their rows, row by row. */
export interface SharedCalculation {
  readonly method: string;
  readonly fn: unknown;
  processOf(schemas: readonly Schema[], site: FunctionSite): ProcessWindowFunction;
  /** Where the streams decide on the columns. */
  readonly schemaOf?: (schemas: readonly Schema[]) => Schema;
}

/**
 * The step that keeps the rows of both streams and calls functions when windows fire.
 * @throws {PlanError} WINDOW_NEVER_FIRES, WINDOW_TRIGGER_INVALID, WINDOW_TRIGGER_UNMERGEABLE, KEY_TYPES_DIFFER
 */
export function sharedWindowPlan(
  { left, right }: KeyedSides,
  windows: SharedWindows,
  { method, fn, processOf, schemaOf }: SharedCalculation,
  options: StreamFunctionOptions,
): StreamPlan {
  const { window, gap, withGap } = plainWindow(left.context, windows.window);
  const hiddenColumns = gap === undefined ? 0 : 1;
  const inputOf = (side: "left" | "right", schema: Schema): WindowInputSpec => ({
    schema,
    keys: (side === "left" ? left : right).keys,
    side,
    hiddenColumns,
  });
  const shown = (schemas: readonly Schema[]) =>
    schemas.map((schema) => shownSchema({ schema, keys: [], hiddenColumns }));
  const make = ([first, second]: readonly Schema[], shape: ResultShape, site: FunctionSite) => {
    const whole = processOf(shown([first, second]), site);
    const spec = {
      ...firingOf(windows),
      keys: left.keys,
      window,
      calculation: { kind: "process", process: whole } as const,
    };
    return new WindowFunctionOperator(spec, [inputOf("left", first), inputOf("right", second)], { shape, site });
  };
  const first = PlanHandle.combine([left.plan, right.plan], (nodes) => {
    checkFires(method, windows, nodes);
    return withGap(nodes[0]);
  });
  const given: StreamFunction = {
    method,
    fn,
    returns: "rows",
    routes: [left, right].map(({ keys }) => ({ kind: "keyed", keys })),
    make,
    ...(schemaOf === undefined ? {} : { schemaOf: (schemas) => schemaOf(shown(schemas)) }),
  };
  return functionPlan(left.context, [first, right.plan.map(withGap)], given, options);
}

/**
 * Lateness without a trigger: windows wait for late rows, as those of kernels do, and give their result once. With one,
 * the trigger is asked about each late row.
 */
function firingOf({
  window,
  trigger,
  evictor,
  allowedLatenessMs,
}: SharedWindows): Omit<WindowFunctionSpec, "keys" | "window" | "calculation"> {
  const isAsked = trigger !== undefined || (window.kind === "custom" && window.defaultTrigger !== undefined);
  return {
    ...(trigger === undefined ? {} : { trigger }),
    ...(evictor === undefined ? {} : { evictor }),
    ...(isAsked ? { allowedLatenessMs } : { waitsMs: allowedLatenessMs }),
  };
}

/** @throws {PlanError} WINDOW_NEVER_FIRES */
function checkFires(method: string, { window, trigger }: SharedWindows, nodes: readonly StreamNode[]): void {
  if (window.kind !== "global" || trigger !== undefined) return;
  const endless = unboundedSource(nodes);
  if (endless === undefined) return;
  throw new PlanError(
    "WINDOW_NEVER_FIRES",
    `The ${method} in a global window gives its result at the end of the input, and ${endless.source.description} never ends.`,
    "Give it a trigger, for example .trigger(CountTrigger.of(100)), or windows of time; updating() joins all rows as they come.",
  );
}
