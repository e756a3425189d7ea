import { PlanError } from "../../errors.ts";
import type { DataType } from "../../types.ts";
import * as types from "../../types.ts";
import type { CallNode } from "../node.ts";
import { rowRoutine } from "./by-row.ts";
import { constantInteger, constantText } from "./constant.ts";
import type { FunctionDefinition, FunctionTable } from "./definition.ts";
import { requireText } from "./text.ts";

/** regexp, regexpExtract, regexpReplace: JavaScript's regular expressions, run per row or per dictionary entry. */
export const regexpFunctions: FunctionTable = {
  regexp: withPattern(3, types.bool, (pattern) => (text: string) => {
    pattern.lastIndex = 0;
    return pattern.test(text);
  }),
  regexpExtract: withPattern(4, types.utf8, (pattern, node, rest) => {
    const group = constantInteger(node, rest, "group");
    return (text: string) => {
      pattern.lastIndex = 0;
      return pattern.exec(text)?.[group] ?? null;
    };
  }),
  regexpReplace: withPattern(4, types.utf8, (pattern, node, rest) => {
    const replacement = constantText(node, rest, "replacement");
    return (text: string) => text.replace(pattern, replacement);
  }),
};

function withPattern(
  argumentCount: number,
  type: DataType,
  compile: (
    pattern: RegExp,
    node: CallNode,
    rest: Parameters<FunctionDefinition["bind"]>[2][number],
  ) => (text: string) => unknown,
): FunctionDefinition {
  return {
    arity: [argumentCount, argumentCount],
    bind(binder, node, [text, source, flags, rest]) {
      const pattern = regularExpression(
        node,
        constantText(node, source, "pattern"),
        constantText(node, flags, "flags"),
      );
      const extra = rest?.kind === "literal" ? JSON.stringify(rest.literal.value) : "";
      const routine = rowRoutine(`${node.fn}:${pattern}:${extra}`, type, false, compile(pattern, node, rest));
      return binder.call(node, routine, type, [requireText(binder, node, text)]);
    },
  };
}

function regularExpression(node: CallNode, source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (error) {
    throw new PlanError(
      "ARGUMENT_INVALID",
      `/${source}/${flags} in ${node.fn} is no regular expression.`,
      "Pass a RegExp of JavaScript, or its source and flags.",
      { cause: error },
    );
  }
}
