import { InternalError } from "../../core/errors.ts";
import type { Schema } from "../../core/schema.ts";
import { sameType } from "../../core/types.ts";
import type { JoinNode, LogicalNode } from "../logical.ts";
import { passedColumn } from "./expression-facts.ts";
import type { RewriteContext } from "./rule.ts";

/** A column of one part of a chain. */
export interface PartColumn {
  readonly part: number;
  readonly column: string;
}

/** Inner joins above one another as one set of parts with equal columns. */
export interface JoinChain {
  /** What is joined, in the user's order. */
  readonly parts: readonly LogicalNode[];
  /** Columns that the joins make equal, at most one per part in each class. */
  readonly classes: readonly (readonly PartColumn[])[];
  readonly joins: readonly JoinNode[];
  /** The result: where each column comes from. */
  readonly output: readonly (PartColumn & { readonly name: string })[];
  readonly schema: Schema;
  readonly callSite: string | undefined;
}

/** The largest chain below a join; undefined where its keys do not let the parts be joined in any order. */
export function readJoinChain(root: JoinNode, context: RewriteContext): JoinChain | undefined {
  if (!isMovable(root)) return undefined;
  const reader = new ChainReader(context);
  const columns = reader.readJoin(root);
  const classes = reader.classes();
  if (classes === undefined) return undefined;
  return {
    parts: reader.parts,
    classes,
    joins: reader.joins,
    output: root.schema.names.map((name) => ({ ...found(columns, name), name })),
    schema: root.schema,
    callSite: root.callSite,
  };
}

const isMovable = (node: LogicalNode): node is JoinNode =>
  node.op === "join" && node.type === "inner" && node.hint === "OPTIMIZER_CHOOSES" && node.parallelism === undefined;

type Columns = ReadonlyMap<string, PartColumn>;

class ChainReader {
  readonly parts: LogicalNode[] = [];
  readonly joins: JoinNode[] = [];
  readonly #context: RewriteContext;
  readonly #pairs: [PartColumn, PartColumn][] = [];

  constructor(context: RewriteContext) {
    this.#context = context;
  }

  /** Where the columns of a join come from. */
  readJoin(join: JoinNode): Columns {
    const [left, right] = [this.#read(join.inputs[0]), this.#read(join.inputs[1])];
    for (const [i, key] of join.leftKeys.entries())
      this.#pairs.push([found(left, key), found(right, join.rightKeys[i])]);
    this.joins.push(join);
    return new Map(
      join.output.map(({ side, column, name }) => [name, found(side === "left" ? left : right, column)] as const),
    );
  }

  /** Sets of equal columns; undefined where types differ or a part would have to be filtered by two equal columns. */
  classes(): readonly (readonly PartColumn[])[] | undefined {
    const classes: PartColumn[][] = [];
    for (const pair of this.#pairs) {
      if (!sameType(this.#typeOf(pair[0]), this.#typeOf(pair[1]))) return undefined;
      const touched = classes.filter((members) =>
        pair.some((column) => members.some((other) => isSame(column, other))),
      );
      const merged = [...touched.flat(), ...pair];
      for (const members of touched) classes.splice(classes.indexOf(members), 1);
      classes.push(merged.filter((column, i) => merged.findIndex((other) => isSame(column, other)) === i));
    }
    const isOncePerPart = classes.every((members) => new Set(members.map(({ part }) => part)).size === members.length);
    return isOncePerPart ? classes : undefined;
  }

  #read(node: LogicalNode): Columns {
    if (this.#context.isShared(node)) return this.#part(node);
    if (isMovable(node)) return this.readJoin(node);
    if (node.op !== "project" || node.parallelism !== undefined) return this.#part(node);
    const names = node.columns.map(({ name, expression }) => [name, passedColumn(expression)] as const);
    // A choice of columns between two joins is no obstacle.
    if (!isAboveJoin(node, this.#context) || names.some(([, column]) => column === undefined)) return this.#part(node);
    const columns = this.#read(node.inputs[0]);
    return new Map(names.map(([name, column]) => [name, found(columns, column ?? name)] as const));
  }

  #part(node: LogicalNode): Columns {
    const part = this.parts.push(node) - 1;
    return new Map(node.schema.names.map((column) => [column, { part, column }] as const));
  }

  #typeOf({ part, column }: PartColumn) {
    return this.parts[part].schema.typeOf(column);
  }
}

function isAboveJoin(node: LogicalNode, context: RewriteContext): boolean {
  if (node.op !== "project") return isMovable(node);
  return !context.isShared(node.inputs[0]) && isAboveJoin(node.inputs[0], context);
}

export const isSame = (a: PartColumn, b: PartColumn): boolean => a.part === b.part && a.column === b.column;

function found(columns: Columns, name: string): PartColumn {
  const column = columns.get(name);
  if (column === undefined) throw new InternalError(`A join reads column "${name}", which its input lacks.`);
  return column;
}
