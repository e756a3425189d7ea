import type { JoinNode } from "./logical.ts";
import type { Distribution, PhysicalStream } from "./physical.ts";

/** A build side below this size is sent whole to every subtask of the probe side, instead of moving both. */
const BROADCAST_BYTES = 8 * 1024 * 1024;

type Sizes = readonly [left: number | undefined, right: number | undefined];

const ANY: Distribution = { kind: "any" };

/** The side that a hash join keeps in memory: as hinted, else the smaller one. */
export function chooseBuildSide(node: JoinNode, [left, right]: Sizes) {
  switch (node.hint) {
    case "BROADCAST_HASH_FIRST":
    case "REPARTITION_HASH_FIRST":
      return "left";
    case "BROADCAST_HASH_SECOND":
    case "REPARTITION_HASH_SECOND":
      return "right";
    default:
      // Without statistics, fewer rows are expected on the right: that is how people write joins.
      return (left ?? Number.POSITIVE_INFINITY) < (right ?? Number.MAX_VALUE) ? "left" : "right";
  }
}

/** Copying the build side everywhere is wrong where its unmatched rows are part of the result. */
export function mayBroadcast(node: JoinNode, buildSide: "left" | "right", [left, right]: Sizes): boolean {
  const keepsBuildRows =
    node.type === "full" ||
    (buildSide === "left" ? node.type !== "inner" && node.type !== "right" : node.type === "right");
  if (keepsBuildRows || node.hint.startsWith("REPARTITION")) return false;
  if (node.hint.startsWith("BROADCAST")) return true;
  const bytes = buildSide === "left" ? left : right;
  return bytes !== undefined && bytes <= BROADCAST_BYTES;
}

/** How one side of a repartitioned join travels: not at all where it lies by the keys already. */
export function exchangeFor(stream: PhysicalStream, keys: readonly string[], parallelism: number) {
  const { distribution, vertex } = stream;
  const isPlaced =
    distribution.kind === "hash" &&
    vertex.parallelism === parallelism &&
    distribution.keys.length === keys.length &&
    distribution.keys.every((key, i) => key === keys[i]);
  return isPlaced ? ({ kind: "forward" } as const) : ({ kind: "hash", keys } as const);
}

/** After a repartitioned join, rows lie by its keys, under their names in the output. */
export function hashOfJoin(node: JoinNode): Distribution {
  // An outer side's keys are null where the other side had no match, so only inner-like keys keep their place.
  const side =
    node.type === "left" || node.type === "semi" || node.type === "anti" || node.type === "inner" ? "left" : "right";
  if (node.type === "full") return ANY;
  const keys = (side === "left" ? node.leftKeys : node.rightKeys).map(
    (key) => node.output.find((column) => column.side === side && column.column === key)?.name,
  );
  return keys.includes(undefined) ? ANY : { kind: "hash", keys: keys as string[] };
}

/** After a broadcast join, rows lie as the probe side's did. */
export function joinedDistribution(node: JoinNode, probe: PhysicalStream, buildSide: "left" | "right"): Distribution {
  const { distribution } = probe;
  if (distribution.kind !== "hash") return ANY;
  const side = buildSide === "left" ? "right" : "left";
  const keys = distribution.keys.map(
    (key) => node.output.find((column) => column.side === side && column.column === key)?.name,
  );
  return keys.includes(undefined) ? ANY : { kind: "hash", keys: keys as string[] };
}
