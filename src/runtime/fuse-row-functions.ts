import { FilterRows } from "../core/operators/filter-rows.ts";
import { canFuse, MapFilterRows } from "../core/operators/map-filter-rows.ts";
import { MapRows } from "../core/operators/map-rows.ts";
import type { NamedOperator } from "./chain.ts";

/** The operators of a chain, with each map and the filter behind it as one operator where that is possible. */
export function fuseRowFunctions(operators: readonly NamedOperator[]): NamedOperator[] {
  const fused: NamedOperator[] = [];
  for (const named of operators) {
    const before = fused.at(-1);
    if (named.operator instanceof FilterRows && before?.operator instanceof MapRows && canFuse(before.operator)) {
      const operator = new MapFilterRows(before.operator, named.operator, named.name);
      fused[fused.length - 1] = { ...before, operator };
    } else {
      fused.push(named);
    }
  }
  return fused;
}
