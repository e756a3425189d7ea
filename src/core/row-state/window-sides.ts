import type { JoinSide, SidePlan } from "../joins/join-plan.ts";
import type { AlignedWindowSpec, SessionWindowSpec } from "../windows/window-spec.ts";

/** The inputs of windowed operators over two streams, in their order. */
export const SIDES = ["left", "right"] as const;

/** What is needed of the rows of each input. */
export type WindowSides = Readonly<Record<JoinSide, SidePlan>>;

/** The windows that two streams can be joined in. */
export type JoinWindowSpec = PaneWindowSpec | SessionWindowSpec;

/** Those that are the same for all keys. */
export type PaneWindowSpec = Extract<AlignedWindowSpec, { readonly kind: "tumbling" | "sliding" }>;
