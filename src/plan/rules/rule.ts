import type { LogicalNode } from "../logical.ts";

/** What a rule may ask about the graph that it works on. */
export interface RewriteContext {
  /**
   * True where more than one reader uses the node. A rule may look at such an input, but must not take it apart:
   * the other readers would then compute it a second time.
   */
  isShared(node: LogicalNode): boolean;
}

/**
 * One law of equivalence: the node that `apply` returns has the same schema as `node` and gives the same rows.
 * The rewritten plan fails only where the original one fails; it may fail less. Rules are pure and deterministic, and
 * each makes something smaller that nothing makes larger again, so that applying them comes to an end.
 */
export interface RewriteRule {
  readonly name: string;
  /** The node in a better form; undefined where the rule has nothing to do. */
  apply(node: LogicalNode, context: RewriteContext): LogicalNode | undefined;
}
