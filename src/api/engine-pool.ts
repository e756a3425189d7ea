import { connectorRegistry } from "../connectors/registry.ts";
import type { Host } from "../core/host.ts";
import { Engine } from "../runtime/engine.ts";

/**
 * Idle engines of this process by parallelism. A job takes one for itself, so that several jobs run at once;
 * worker threads stay for the next job and never keep the process alive.
 */
export class EnginePool {
  readonly #host: Host;
  readonly #module: () => WebAssembly.Module;
  readonly #idle = new Map<number, Engine[]>();

  constructor(host: Host, module: () => WebAssembly.Module) {
    this.#host = host;
    this.#module = module;
  }

  /** Of the idle engines, one whose threads hold one of `memories` comes first: it reads stored tables in place. */
  async acquire(parallelism: number, memories: ReadonlySet<string> = new Set()): Promise<Engine> {
    const idle = this.#idle.get(parallelism) ?? [];
    const holds = (engine: Engine) => [...memories].some((id) => engine.hasMemory(id));
    idle.sort((a, b) => Number(holds(a)) - Number(holds(b)));
    for (let engine = idle.pop(); engine !== undefined; engine = idle.pop()) {
      if (engine.isUsable) return engine;
      await engine.close();
    }
    return Engine.start(this.#host, connectorRegistry, this.#module(), parallelism);
  }

  release(engine: Engine): void {
    const idle = this.#idle.get(engine.parallelism) ?? [];
    idle.push(engine);
    this.#idle.set(engine.parallelism, idle);
  }

  /** Ends all idle worker threads; for tests and for services that are done with batch work. */
  async close(): Promise<void> {
    const engines = [...this.#idle.values()].flat();
    this.#idle.clear();
    await Promise.all(engines.map((engine) => engine.close()));
  }
}
