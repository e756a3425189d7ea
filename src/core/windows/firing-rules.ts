import { PlanError } from "../errors.ts";
import { CountEvictor, type Evictor } from "./evictor.ts";
import type { Trigger } from "./trigger.ts";
import { CountTrigger, EventTimeTrigger, PurgingTrigger } from "./triggers.ts";
import { type AnyWindowSpec, isMerging } from "./window-assigner.ts";

/** When windows fire, and which of their rows stay. */
export interface FiringRules {
  /** Undefined: the default of the domain, which costs no timers. */
  readonly trigger: Trigger | undefined;
  readonly evictor: Evictor | undefined;
}

/**
 * Count windows are global windows whose trigger and evictor count.
 * @throws {PlanError} WINDOW_TRIGGER_INVALID, WINDOW_TRIGGER_UNMERGEABLE
 */
export function firingRules(window: AnyWindowSpec, given: Partial<FiringRules>, name: string): FiringRules {
  const { evictor } = given;
  if (window.kind === "count") {
    if (given.trigger !== undefined || evictor !== undefined) throw countTriggered();
    const { rows, slideRows = rows } = window;
    if (slideRows === rows) return { trigger: PurgingTrigger.of(CountTrigger.of(rows)), evictor: undefined };
    return { trigger: CountTrigger.of(slideRows), evictor: CountEvictor.of(rows) };
  }
  const trigger = given.trigger ?? defaultTrigger(window);
  if (isMerging(window) && trigger !== undefined && trigger.onMerge === undefined) throw unmergeable(name);
  return { trigger, evictor };
}

function defaultTrigger(window: AnyWindowSpec): Trigger | undefined {
  if (window.kind === "global") return EventTimeTrigger.create();
  return window.kind === "custom" ? window.defaultTrigger : undefined;
}

const countTriggered = (): PlanError =>
  new PlanError(
    "WINDOW_TRIGGER_INVALID",
    "A count window was given a trigger or an evictor of its own.",
    "Use a global window with that trigger and evictor.",
  );

const unmergeable = (name: string): PlanError =>
  new PlanError(
    "WINDOW_TRIGGER_UNMERGEABLE",
    `${name} has windows that merge and a trigger that cannot: it has no onMerge.`,
    "Add onMerge to the trigger, or use windows that do not merge.",
  );
