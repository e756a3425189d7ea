import { connectorRegistry } from "../../connectors/registry.ts";
import type { Host } from "../../core/host.ts";
import { codeForJobs } from "../../core/rows/code-generation.ts";
import { Workspace } from "../../core/workspace.ts";
import { provideEngines } from "../../datastream/stream-engines.ts";
import { kernelModule } from "../../host/kernel-module.ts";
import { Engine } from "../../runtime/engine.ts";
import { engineThreadOn } from "../engine-thread.ts";

/** Memories that no run uses. To make one costs a millisecond, more than many a faulted run. */
const shelf: Workspace[] = [];

/**
 * The memories of one simulation, and the code that its jobs make for rows: they go back to the shelf when it is over,
 * whatever became of what used them.
 */
export class SimulationMemories {
  readonly #endOfCode = codeForJobs();
  readonly #taken: Workspace[] = [];
  readonly #withdrawals: (() => void)[] = [];

  /** For `SimulationOptions.threadEntry`: spawned threads have memories from here too. */
  readonly threadEntry = engineThreadOn(() => this.take());

  take(): Workspace {
    const kept = shelf.pop();
    const workspace = kept === undefined ? new Workspace(kernelModule()) : new Workspace(kept);
    this.#taken.push(workspace);
    return workspace;
  }

  /** Streams of this host run on as many threads as they have parallelism, up to so many. */
  provideFor(host: Host, threads = Number.POSITIVE_INFINITY): void {
    const withdraw = provideEngines(host, async (parallelism, use) => {
      const count = Math.min(parallelism, threads);
      const engine = await Engine.start(host, connectorRegistry, kernelModule(), count, this.take());
      try {
        return await use(engine);
      } finally {
        await engine.close();
      }
    });
    this.#withdrawals.push(withdraw);
  }

  /** Nothing of the simulation will ever run again. */
  giveBack(): void {
    for (const withdraw of this.#withdrawals.splice(0)) withdraw();
    this.#endOfCode();
    shelf.push(...this.#taken.splice(0));
  }
}
