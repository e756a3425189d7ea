import { EnginePool } from "../api/engine-pool.ts";
import { connectorRegistry } from "../connectors/registry.ts";
import type { Host } from "../core/host.ts";
import { kernelModule } from "../host/kernel-module.ts";
import { nodeHost } from "../host/node-host.ts";
import { Engine } from "../runtime/engine.ts";

let idle: EnginePool | undefined;

/** Gives a stream the engine that it runs on, for a parallelism above 1 with as many worker threads. */
export type EngineProvider = <T>(parallelism: number, use: (engine: Engine) => Promise<T>) => Promise<T>;

const providers = new Map<Host, EngineProvider>();

/**
 * @internal Streams of this host run on the engines of `provider`, until the result is called: simulations start
 * thousands of them. No weak map: what one refers to lives through minor collections, hosts that nobody uses too.
 */
export function provideEngines(host: Host, provider: EngineProvider): () => void {
  providers.set(host, provider);
  return () => {
    providers.delete(host);
  };
}

/**
 * Runs a stream on an engine of its own. Worker threads of one that has ended well stay for the next stream, with the
 * modules that they have imported: to start a thread and to import there what the process has long imported takes half
 * a second of a processor. After a failure they end, since functions of the user may still be at something.
 */
export async function withEngine<T>(host: Host, parallelism: number, use: (engine: Engine) => Promise<T>): Promise<T> {
  const provider = providers.get(host);
  if (provider !== undefined) return provider(parallelism, use);
  const pool = parallelism > 1 && host === nodeHost() ? idleEngines() : undefined;
  const engine = await (pool?.acquire(parallelism) ??
    Engine.start(host, connectorRegistry, kernelModule(), parallelism));
  let result: T;
  try {
    result = await use(engine);
  } catch (thrown) {
    await engine.close();
    throw thrown;
  }
  if (pool === undefined) await engine.close();
  else pool.release(engine);
  return result;
}

/** Ends the threads that wait for a stream. */
export async function endIdleThreads(): Promise<void> {
  await idle?.close();
}

function idleEngines(): EnginePool {
  idle ??= new EnginePool(nodeHost(), kernelModule);
  return idle;
}
