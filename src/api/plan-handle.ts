import { EngineError } from "../core/errors.ts";
import type { LogicalNode } from "../plan/logical.ts";

/**
 * A logical node that is known, or will be once something has run: the columns of a function's result without a
 * declared schema, an iteration. Steps on a known node are checked at once, on the others when it becomes known.
 */
export class PlanHandle<N extends object = LogicalNode> {
  #node: N | undefined;
  readonly #make: (signal?: AbortSignal) => Promise<N>;
  #promise: Promise<N> | undefined;

  private constructor(node: N | undefined, make: (signal?: AbortSignal) => Promise<N>) {
    this.#node = node;
    this.#make = make;
  }

  static of<N extends object>(node: N): PlanHandle<N> {
    return new PlanHandle(node, () => Promise.resolve(node));
  }

  /** `make` runs when the node is first needed, and again only after it has failed. Its jobs obey `signal`. */
  static deferred<N extends object>(make: (signal?: AbortSignal) => Promise<N>): PlanHandle<N> {
    return new PlanHandle<N>(undefined, make);
  }

  /** Undefined while not known. */
  get node(): N | undefined {
    return this.#node;
  }

  /** Aborting `signal` ends jobs that run for this; whoever waits for the same without it starts them again. */
  async resolve(signal?: AbortSignal): Promise<N> {
    for (;;) {
      const isMine = this.#promise === undefined;
      this.#promise ??= this.#make(signal).then((node) => {
        this.#node = node;
        return node;
      });
      const shared = this.#promise;
      try {
        return await shared;
      } catch (thrown) {
        // A failure is not kept: a file may be there next time, a cancelled job may be wanted again.
        if (this.#promise === shared) this.#promise = undefined;
        const isOthers = !isMine && thrown instanceof EngineError && thrown.code === "JOB_CANCELLED";
        if (!isOthers || signal?.aborted === true) throw thrown;
      }
    }
  }

  /** The node that `step` makes of this one. */
  map(step: (node: N) => N): PlanHandle<N> {
    if (this.#node !== undefined) return PlanHandle.of(step(this.#node));
    return PlanHandle.deferred(async (signal) => step(await this.resolve(signal)));
  }

  /** The same plan of a batch job, its newest steps marked with the place in the user's code that made them. */
  at(this: PlanHandle, callSite: string | undefined): PlanHandle {
    return callSite === undefined ? this : this.map((node) => markedWith(node, callSite));
  }

  /** The node that `step` makes of several. */
  static combine<N extends object>(handles: readonly PlanHandle<N>[], step: (nodes: readonly N[]) => N): PlanHandle<N> {
    const nodes = handles.flatMap((handle) => (handle.node === undefined ? [] : [handle.node]));
    if (nodes.length === handles.length) return PlanHandle.of(step(nodes));
    return PlanHandle.deferred(async (signal) =>
      step(await Promise.all(handles.map((handle) => handle.resolve(signal)))),
    );
  }
}

/** Earlier steps have their own marks, where the walk ends. */
function markedWith(node: LogicalNode, callSite: string): LogicalNode {
  if (node.callSite !== undefined || node.op === "source") return node;
  // A node has as many inputs after the walk as before it.
  const inputs = node.inputs.map((input) => markedWith(input, callSite));
  return { ...node, inputs, callSite } as unknown as LogicalNode;
}
