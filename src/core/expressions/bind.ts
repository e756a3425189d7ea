import { PlanError } from "../errors.ts";
import type { Schema } from "../schema.ts";
import * as types from "../types.ts";
import { type DataType, formatType, isInteger, sameType } from "../types.ts";
import type {
  BoundCall,
  BoundCase,
  BoundColumn,
  BoundList,
  BoundLiteral,
  BoundLogical,
  BoundNode,
  Routine,
} from "./bound.ts";
import { castRoutine } from "./cast/cast.ts";
import { literalOutOfRange } from "./errors.ts";
import { formatExpression } from "./format.ts";
import { isFlexible, type TypeBinder } from "./functions/definition.ts";
import { bindMembership } from "./functions/membership.ts";
import { functionNamed } from "./functions/registry.ts";
import { adaptLiteral, decimalTypeOfLiteral } from "./literal.ts";
import type { CallNode, CaseNode, ExpressionNode, LiteralNode } from "./node.ts";
import { commonType } from "./promote.ts";
import { unknownColumn } from "./suggest.ts";

/** Bound expressions with their distinct nodes, inputs before users. */
export interface Program {
  /** What is evaluated. */
  readonly roots: readonly BoundNode[];
  readonly nodes: readonly BoundNode[];
}

/**
 * Settles names, types and conversions of an expression.
 * @throws {PlanError} COLUMN_UNKNOWN, FUNCTION_UNKNOWN, ARGUMENT_COUNT, TYPE_MISMATCH, LITERAL_INVALID.
 */
export function bindExpression(node: ExpressionNode, schema: Schema): Program & { root: BoundNode } {
  const program = bindExpressions([node], schema);
  return { ...program, root: program.roots[0] };
}

/** Several expressions as one program: what they have in common is one node. */
export function bindExpressions(nodes: readonly ExpressionNode[], schema: Schema): Program {
  const binder = new Binder(schema);
  const roots = nodes.map((node) => binder.bind(node));
  return { roots, nodes: binder.nodes };
}

/** The type of an expression's values over a schema. */
export function resolveType(node: ExpressionNode, schema: Schema): DataType {
  return bindExpression(node, schema).root.type;
}

/** Binds the nodes of one program. Nodes are interned, so that equal parts, conversions included, are shared. */
class Binder implements TypeBinder {
  readonly schema: Schema;
  readonly nodes: BoundNode[] = [];
  readonly #byKey = new Map<string, BoundNode>();

  constructor(schema: Schema) {
    this.schema = schema;
  }

  bind(node: ExpressionNode): BoundNode {
    switch (node.kind) {
      case "column":
        return this.#column(node.name, node);
      case "literal":
        return this.literal(node);
      case "alias":
        return this.bind(node.input);
      case "cast":
        return this.#cast(node.input, node.to, node.safe, node);
      case "call":
        return this.#call(node);
      case "case":
        return this.#case(node);
      case "in":
        return bindMembership(this, node);
    }
  }

  literal(literal: LiteralNode): BoundLiteral {
    // A flexible literal is another node than a typed one: it still adapts.
    const key = `literal:${literal.flexible ?? false}:${formatType(literal.type)}:${JSON.stringify(literal.value)}`;
    return this.#intern<BoundLiteral>(key, {
      kind: "literal",
      literal,
      type: literal.type,
      isConstant: true,
      isFallible: false,
      isCostly: false,
      source: literal,
    });
  }

  /** Constants of one type, none of them null. */
  list(source: ExpressionNode, type: DataType, literals: readonly LiteralNode[]): BoundNode {
    const key = `list:${formatType(type)}:${JSON.stringify(literals.map((literal) => literal.value))}`;
    return this.#intern<BoundList>(key, {
      kind: "list",
      literals,
      type,
      isConstant: true,
      isFallible: false,
      isCostly: false,
      source,
    });
  }

  call(source: ExpressionNode, routine: Routine, type: DataType, args: readonly BoundNode[]): BoundNode {
    const key = `${routine.key}(${args.map((arg) => arg.id).join()}):${formatType(type)}`;
    return this.#intern<BoundCall>(key, {
      kind: "call",
      routine,
      args,
      type,
      isConstant: args.every((arg) => arg.isConstant),
      isFallible: routine.isFallible || args.some((arg) => arg.isFallible),
      isCostly: (routine.isCostly ?? false) || args.some((arg) => arg.isCostly),
      source,
    });
  }

  logical(source: ExpressionNode, isOr: boolean, left: BoundNode, right: BoundNode): BoundNode {
    const args = [left, right] as const;
    return this.#intern<BoundLogical>(`${isOr ? "or" : "and"}(${left.id},${right.id})`, {
      kind: "logical",
      isOr,
      args,
      type: types.bool,
      isConstant: args.every((arg) => arg.isConstant),
      isFallible: args.some((arg) => arg.isFallible),
      isCostly: args.some((arg) => arg.isCostly),
      source,
    });
  }

  /** A case over bound parts; branch values are brought to their common type. */
  caseOf(
    source: ExpressionNode,
    branches: readonly { when: BoundNode; value: BoundNode }[],
    otherwise: BoundNode,
  ): BoundNode {
    const values = [...branches.map((branch) => branch.value), otherwise];
    const { type, args } = this.unify(source, values);
    const typed = branches.map(({ when }, i) => ({ when, value: args[i] }));
    const last = args[args.length - 1];
    const all = [...typed.flatMap(({ when, value }) => [when, value]), last];
    return this.#intern<BoundCase>(`case(${all.map((part) => part.id).join()})`, {
      kind: "case",
      branches: typed,
      otherwise: last,
      type,
      isConstant: all.every((part) => part.isConstant),
      isFallible: all.some((part) => part.isFallible),
      isCostly: all.some((part) => part.isCostly),
      source,
    });
  }

  /** The node read as another type: itself, an adapted literal, or a conversion. */
  coerce(arg: BoundNode, type: DataType, source: ExpressionNode = arg.source): BoundNode {
    if (arg.kind === "literal") {
      const adapted = adaptLiteral(arg.literal, type);
      if (adapted !== undefined) {
        const { kind, value } = adapted;
        return this.literal({ kind, type, value });
      }
    }
    if (sameType(arg.type, type)) return arg;
    const routine = castRoutine(arg.type, type, false);
    if (routine === undefined) throw this.mismatch(source, [arg.type, type]);
    return this.call(arg.source, routine, type, [arg]);
  }

  /**
   * Brings arguments to one type: that of the arguments that are no plain literals where these fit it, else the common
   * type of all. An integer literal past an integer type is refused unless `widens`: the result's type would depend on
   * the literal's size.
   */
  unify(source: ExpressionNode, args: readonly BoundNode[], widens = false): { type: DataType; args: BoundNode[] } {
    const firm = args.filter((arg) => !isFlexible(arg));
    let type = this.#common(source, firm.length > 0 ? firm : args);
    for (const arg of args) {
      if (isFlexible(arg)) type = this.#widenFor(source, type, arg, widens);
    }
    return { type, args: args.map((arg) => this.coerce(arg, type, source)) };
  }

  #common(source: ExpressionNode, args: readonly BoundNode[]): DataType {
    return args.reduce<DataType>((type, arg) => {
      const common = commonType(type, arg.type);
      if (common === undefined) throw this.mismatch(source, [type, arg.type]);
      return common;
    }, types.nullType);
  }

  /** The type that also holds a literal that does not fit it as it is. */
  #widenFor(source: ExpressionNode, type: DataType, arg: BoundLiteral, widens: boolean): DataType {
    if (adaptLiteral(arg.literal, type) !== undefined) return type;
    if (type.kind === "decimal") {
      const exact = decimalTypeOfLiteral(arg.literal);
      const common = exact === undefined ? undefined : commonType(type, exact);
      if (common !== undefined && adaptLiteral(arg.literal, common) !== undefined) return common;
    }
    if (arg.type.kind === "utf8" && type.kind !== "utf8") throw this.unreadableText(source, arg, type);
    if (!widens && isInteger(type) && Number.isInteger(Number(arg.literal.value))) {
      throw literalOutOfRange(source, arg, type);
    }
    const common = commonType(type, arg.type);
    if (common === undefined) throw this.mismatch(source, [type, arg.type]);
    return common;
  }

  mismatch(source: ExpressionNode, found: readonly DataType[], expected?: string): PlanError {
    const kinds = found.map(formatType);
    const operands = kinds.length === 1 ? kinds[0] : `${kinds.slice(0, -1).join(", ")} and ${kinds[kinds.length - 1]}`;
    return new PlanError(
      "TYPE_MISMATCH",
      `${formatExpression(source)} is not defined for ${operands}.`,
      expected === undefined ? "Cast one side to the type of the other." : `It takes ${expected}.`,
    );
  }

  unreadableText(source: ExpressionNode, arg: BoundNode, type: DataType): PlanError {
    return new PlanError(
      "TYPE_MISMATCH",
      `${formatExpression(source)} compares ${formatType(type)} with ${formatExpression(arg.source)} of type utf8, which is no ${formatType(type)}.`,
      "Write dates as 'YYYY-MM-DD' and timestamps as 'YYYY-MM-DDTHH:MM:SS', or cast the column to utf8.",
    );
  }

  #column(name: string, source: ExpressionNode): BoundNode {
    if (!this.schema.has(name)) throw unknownColumn(name, this.schema.names);
    const index = this.schema.indexOf(name);
    return this.#intern<BoundColumn>(`column:${index}`, {
      kind: "column",
      index,
      type: this.schema.fields[index].type,
      isConstant: false,
      isFallible: false,
      isCostly: false,
      source,
    });
  }

  #cast(inputNode: ExpressionNode, to: DataType, safe: boolean, source: ExpressionNode): BoundNode {
    const input = this.bind(inputNode);
    if (input.kind === "literal" && input.type.kind !== "utf8") {
      const adapted = adaptLiteral(input.literal, to);
      if (adapted !== undefined) return this.literal({ kind: "literal", type: to, value: adapted.value });
    }
    if (sameType(input.type, to)) return isFlexible(input) ? this.coerce(input, to) : input;
    const routine = castRoutine(input.type, to, safe);
    if (routine === undefined) {
      throw new PlanError(
        "TYPE_MISMATCH",
        `${formatExpression(source)} is not possible: no conversion leads from ${formatType(input.type)} to ${formatType(to)}.`,
        "Convert in steps, or use a map function.",
      );
    }
    return this.call(source, routine, to, [input]);
  }

  #call(node: CallNode): BoundNode {
    const definition = functionNamed(node.fn);
    const [least, most] = definition.arity;
    if (node.args.length < least || node.args.length > most) {
      throw new PlanError(
        "ARGUMENT_COUNT",
        `${formatExpression(node)} has ${node.args.length} arguments.`,
        `${node.fn} takes ${least === most ? least : `${least} to ${most}`}.`,
      );
    }
    return definition.bind(
      this,
      node,
      node.args.map((arg) => this.bind(arg)),
    );
  }

  #case(node: CaseNode): BoundNode {
    const branches = node.branches.map(({ when, value }) => ({ when: this.condition(when), value: this.bind(value) }));
    const otherwise =
      node.otherwise === undefined
        ? this.literal({ kind: "literal", type: types.nullType, value: null, flexible: true })
        : this.bind(node.otherwise);
    return this.caseOf(node, branches, otherwise);
  }

  /** A bool expression. */
  condition(node: ExpressionNode): BoundNode {
    const bound = this.bind(node);
    if (bound.type.kind !== "bool" && bound.type.kind !== "null") {
      throw new PlanError(
        "TYPE_MISMATCH",
        `${formatExpression(node)} is used as a condition, but its type is ${formatType(bound.type)}.`,
        "Compare it with something, for example .isNotNull() or .ne(0).",
      );
    }
    return this.coerce(bound, types.bool);
  }

  #intern<T extends BoundNode>(key: string, node: Omit<T, "id">): T {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known as T;
    const created = { ...node, id: this.nodes.length } as unknown as T;
    this.nodes.push(created);
    this.#byKey.set(key, created);
    return created;
  }
}
