import { type Field, Schema } from "../core/schema.ts";
import { timestamp } from "../core/types.ts";
import { pairsOfWindow, type WindowPairsSpec } from "../core/windows/two-sided-windows.ts";
import { joinOutput } from "../plan/join-output.ts";
import { type JoinSides, joinPlan } from "./join-nodes.ts";
import { kernelWindow, type SharedWindows, sharedWindowPlan } from "./shared-windows.ts";
import type { StreamPlan } from "./stream-plan.ts";

const BOUNDS = { startColumn: "windowStart", endColumn: "windowEnd" };

/**
 * Pairs of the rows of two keyed streams that are in the same window. A firing gives the pairs of all rows that the window
 * then has, so that what fires twice gives pairs twice, unless the trigger purges.
 * @throws {PlanError} JOIN_KEYS_MISMATCH, and those of sharedWindowPlan
 */
export function windowJoinPlan(sides: JoinSides, windows: SharedWindows): StreamPlan {
  const window = kernelWindow(windows);
  if (window === undefined) return rowByRow(sides, windows);
  const { allowedLatenessMs } = windows;
  return joinPlan(sides, "window join", { kind: "windowJoin", window, ...BOUNDS, allowedLatenessMs });
}

function rowByRow(sides: JoinSides, windows: SharedWindows): StreamPlan {
  const { left, right, type } = sides;
  const { kind } = windows.window;
  const bounds = kind === "global" || kind === "count" ? {} : BOUNDS;
  const pairsOf = ([first, second]: readonly Schema[]): WindowPairsSpec & { readonly fields: readonly Field[] } => {
    const on = { type, leftKeys: left.keys, rightKeys: right.keys };
    const { output: given, projection = given } = joinOutput(first, second, on);
    // Behind the columns of the result come keys of the right side that only a projection would need.
    const output = given.slice(0, projection.length);
    const fields = output.map(({ side, column, name }) => ({
      name,
      type: (side === "left" ? first : second).typeOf(column),
    }));
    return { ...on, ...bounds, output, fields };
  };
  const name = `${type} window join(${left.keys.join(", ")})`;
  return sharedWindowPlan(
    sides,
    windows,
    {
      method: "window join",
      fn: () => undefined,
      processOf: (schemas) => pairsOfWindow(pairsOf(schemas)),
      schemaOf: (schemas) =>
        new Schema([
          ...pairsOf(schemas).fields,
          ...Object.values<string>(bounds).map((column) => ({ name: column, type: timestamp("ms") })),
        ]),
    },
    { name },
  );
}
