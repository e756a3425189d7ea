import {
  aggregatingState,
  listState,
  mapState,
  reducingState,
  type StateTtl,
} from "../../src/core/state/descriptors.ts";
import { float64, int32, struct, utf8 } from "../../src/core/types.ts";

/** Descriptors of a state of each kind but that of one value. */
export const statesOfManyValues = (options: { ttl?: StateTtl }) => ({
  list: listState("list", int32, options),
  map: mapState("map", int32, utf8, options),
  sum: reducingState("sum", int32, (a, b) => a + b, options),
  mean: aggregatingState(
    "mean",
    {
      createAccumulator: () => ({ sum: 0, count: 0 }),
      add: ({ sum, count }, value: number) => ({ sum: (sum ?? 0) + value, count: (count ?? 0) + 1 }),
      getResult: ({ sum, count }) => (sum ?? 0) / (count ?? 1),
      merge: (a, b) => ({ sum: (a.sum ?? 0) + (b.sum ?? 0), count: (a.count ?? 0) + (b.count ?? 0) }),
    },
    struct({ sum: float64, count: int32 }),
    options,
  ),
});
