import { Schema } from "../../core/schema.ts";
import type { JoinColumn, LogicalNode } from "../logical.ts";
import { isSame, type JoinChain, type PartColumn } from "./join-chain.ts";

/** Some parts of a chain, joined. */
export interface JoinedPart {
  readonly node: LogicalNode;
  readonly columns: readonly NamedPartColumn[];
}

type NamedPartColumn = PartColumn & { readonly name: string };

export const partOf = ({ parts }: JoinChain, part: number): JoinedPart => ({
  node: parts[part],
  columns: parts[part].schema.names.map((name) => ({ part, column: name, name })),
});

/**
 * The inner join of two parts by all columns that must be equal; undefined where there are none.
 * It gives the columns in `output`, or all columns of both, with new names where two are called alike.
 */
export function joinParts(
  left: JoinedPart,
  right: JoinedPart,
  chain: JoinChain,
  output?: JoinChain["output"],
): JoinedPart | undefined {
  const keys = chain.classes.flatMap((members) => {
    // Members of one side are equal already, so one of each side is enough.
    const of = (side: JoinedPart) => side.columns.find((column) => members.some((member) => isSame(member, column)));
    const [a, b] = [of(left), of(right)];
    return a === undefined || b === undefined ? [] : [[a.name, b.name] as const];
  });
  if (keys.length === 0) return undefined;
  const columns = output ?? uniquelyNamed([...left.columns, ...right.columns]);
  const joined = columns.map(({ part, column, name }): JoinColumn => {
    const source = { part, column };
    const own = left.columns.find((candidate) => isSame(candidate, source));
    if (own !== undefined) return { side: "left", column: own.name, name };
    const other = right.columns.find((candidate) => isSame(candidate, source));
    return { side: "right", column: other?.name ?? column, name };
  });
  const fields = columns.map(({ part, column, name }) => ({ name, type: chain.parts[part].schema.typeOf(column) }));
  const node: LogicalNode = {
    op: "join",
    type: "inner",
    hint: "OPTIMIZER_CHOOSES",
    inputs: [left.node, right.node],
    leftKeys: keys.map(([key]) => key),
    rightKeys: keys.map(([, key]) => key),
    output: joined,
    schema: output === undefined ? new Schema(fields) : chain.schema,
    ...(chain.callSite === undefined ? {} : { callSite: chain.callSite }),
  };
  return { node, columns };
}

function uniquelyNamed(columns: readonly NamedPartColumn[]): NamedPartColumn[] {
  const taken = new Set<string>();
  return columns.map((column) => {
    let name = column.name;
    for (let i = 2; taken.has(name); i++) name = `${column.name}_${i}`;
    taken.add(name);
    return { ...column, name };
  });
}
