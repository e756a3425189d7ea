import type { JoinSide, SidePlan } from "../joins/join-plan.ts";
import type { AlignedWindowSpec, SessionWindowSpec } from "../windows/window-spec.ts";

/** The inputs of windowed operators over two streams, in their order. */
export const SIDES = ["left", "right"] as const;

/** What is needed of the rows of each input. */
export type WindowSides = Readonly<Record<JoinSide, SidePlan>>;

/** The windows that kernels join two streams in: the same for all keys, or sessions. */
export type JoinWindowSpec = AlignedWindowSpec | SessionWindowSpec;
