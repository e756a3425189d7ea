import type { CrossNode, JoinNode } from "../logical.ts";
import { type ColumnEstimate, distinctOrDomain, type Relation, withShare } from "./relation.ts";

/** Each further key of a join or group counts less, since keys depend on each other: exponential back-off. */
const BACK_OFF = 0.5;
/** Share of rows that a semi-join keeps where nothing is known of its keys. */
const SEMI_SHARE = 0.5;

/**
 * Rows of an equi-join: |L| * |R| / max(distinct keys of L, of R), as in System R; the smaller set of keys is taken to
 * lie within the larger. Where distinct keys are not known, the side with the smaller domain is taken for the one whose
 * key the other refers to.
 */
export function joined(node: JoinNode, left: Relation, right: Relation): Relation {
  const matched = (left.rows * right.rows) / keySpace(node, left, right);
  switch (node.type) {
    case "inner":
      return combined(node, left, right, matched);
    case "left":
      return combined(node, left, right, Math.max(matched, left.rows));
    case "right":
      return combined(node, left, right, Math.max(matched, right.rows));
    case "full":
      return combined(node, left, right, Math.max(matched, left.rows + right.rows - Math.min(left.rows, right.rows)));
    default: {
      const share = semiShare(node, left, right);
      return combined(node, withShare(left, node.type === "semi" ? share : 1 - share), right, undefined);
    }
  }
}

export const crossed = (node: CrossNode, left: Relation, right: Relation): Relation =>
  combined(node, left, right, left.rows * right.rows);

/** How many combinations of keys the rows of both sides are spread over. */
function keySpace(node: JoinNode, left: Relation, right: Relation): number {
  const spaces = node.leftKeys.map((key, i) =>
    commonDomain(left.columns.get(key), left.rows, right.columns.get(node.rightKeys[i]), right.rows),
  );
  spaces.sort((a, b) => b - a);
  return Math.max(
    1,
    spaces.reduce((space, each, i) => space * each ** (BACK_OFF ** i), 1),
  );
}

function commonDomain(
  left: ColumnEstimate | undefined,
  leftRows: number,
  right: ColumnEstimate | undefined,
  rightRows: number,
): number {
  const [a, b] = [left?.domain ?? leftRows, right?.domain ?? rightRows];
  const isKnown = left?.distinct !== undefined && right?.distinct !== undefined;
  return isKnown ? Math.max(a, b) : Math.min(a, b);
}

/** Share of left rows whose key is among those of the right side. */
function semiShare(node: JoinNode, left: Relation, right: Relation): number {
  const [leftKey, rightKey] = [left.columns.get(node.leftKeys[0]), right.columns.get(node.rightKeys[0])];
  if (leftKey?.distinct === undefined && rightKey?.distinct === undefined) {
    // A right side that was filtered holds fewer keys than its domain.
    const share = rightKey === undefined ? SEMI_SHARE : right.rows / Math.max(1, rightKey.domain);
    return share < 1 ? share : SEMI_SHARE;
  }
  const domain = Math.max(leftKey?.domain ?? 1, rightKey?.domain ?? 1);
  return Math.min(1, distinctOrDomain(rightKey, right.rows) / domain);
}

function combined(node: JoinNode | CrossNode, left: Relation, right: Relation, matched: number | undefined): Relation {
  const rows = matched ?? left.rows;
  const columns = new Map<string, ColumnEstimate>();
  for (const { side, column, name } of node.output) {
    const known = (side === "left" ? left : right).columns.get(column);
    if (known === undefined) continue;
    const { distinct } = known;
    columns.set(name, distinct === undefined ? known : { ...known, distinct: Math.max(1, Math.min(distinct, rows)) });
  }
  return { rows, columns };
}

/** Groups per row where nothing is known of the keys. */
const GROUP_SHARE = 0.1;

/** Groups of a relation by some of its columns. */
export function groupCount(keys: readonly string[], relation: Relation): number {
  if (keys.length === 0) return 1;
  const { rows } = relation;
  const counts = keys.map(
    (key) => relation.columns.get(key)?.distinct ?? domainIfSmall(relation.columns.get(key), rows),
  );
  const known = counts.filter((count) => count !== undefined).sort((a, b) => b - a);
  const product = known.reduce((groups, count, i) => groups * count ** (BACK_OFF ** i), 1);
  const groups = known.length === keys.length ? product : Math.max(product, rows * GROUP_SHARE);
  return Math.max(Math.min(1, rows), Math.min(groups, rows));
}

/** A domain that is far smaller than the rows is likely to be used up; otherwise it bounds nothing. */
const domainIfSmall = (column: ColumnEstimate | undefined, rows: number): number | undefined =>
  column !== undefined && column.domain < rows * GROUP_SHARE ? column.domain : undefined;
