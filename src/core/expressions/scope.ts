import type { Column } from "../column.ts";
import type { Block } from "../memory/block.ts";
import type { Workspace } from "../workspace.ts";
import type { BoundNode } from "./bound.ts";
import type { Operand } from "./operand.ts";

/** An evaluation of one program over one set of rows, as conditional nodes see it. */
export interface Scope {
  readonly workspace: Workspace;
  readonly rowCount: number;
  /** The node's values, borrowed from the scope. */
  value(node: BoundNode): Operand;
  /** The node's values as one column of all rows, owned by the caller. */
  column(node: BoundNode): Column;
  /** Bits of a bool node that are set where it is true (not false, not null); the caller owns the block. */
  trueBits(node: BoundNode): Block;
  /** Runs `use` over some of the rows: u32[count] at `indices`. */
  onRows<T>(indices: Block, count: number, use: (scope: Scope) => T): T;
  /** Says that a user of these nodes is done: values that nobody else needs are released. */
  release(nodes: readonly BoundNode[]): void;
}
