import { PlanError } from "../../errors.ts";
import type { BoundNode } from "../bound.ts";
import { formatExpression } from "../format.ts";
import { literalValue } from "../literal.ts";
import type { CallNode, LiteralNode } from "../node.ts";

function constantOf(node: CallNode, arg: BoundNode | undefined, what: string, kind: string): LiteralNode {
  if (arg?.kind === "literal" && arg.literal.value !== null && arg.type.kind === kind) return arg.literal;
  throw new PlanError(
    "ARGUMENT_INVALID",
    `${formatExpression(node)} needs a constant ${what}.`,
    `Give a literal of type ${kind}, not a column or a computed value.`,
  );
}

/** A text argument that has to be known when the plan is built. */
export const constantText = (node: CallNode, arg: BoundNode | undefined, what: string): string =>
  String(constantOf(node, arg, what, "utf8").value);

/** An integer argument that has to be known when the plan is built. */
export const constantInteger = (node: CallNode, arg: BoundNode | undefined, what: string): number =>
  Number(literalValue(constantOf(node, arg, what, "int32")));

/** One of several words. */
export function constantWord<W extends string>(
  node: CallNode,
  arg: BoundNode | undefined,
  what: string,
  words: readonly W[],
): W {
  const text = constantText(node, arg, what);
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) {
    throw new PlanError(
      "ARGUMENT_INVALID",
      `"${text}" is no ${what} of ${formatExpression(node)}.`,
      `Use ${words.join(", ")}.`,
    );
  }
  return word;
}
