import { EnginePool } from "../../src/api/engine-pool.ts";
import type { Host, HostFiles } from "../../src/core/host.ts";
import { kernelModule } from "../../src/host/kernel-module.ts";
import { nodeHost } from "../../src/host/node-host.ts";
import { type EnvironmentOptions, ExecutionEnvironment } from "../../src/index.ts";

/** An environment with a host and engines of its own, so that a test can put faults into one and look into the other. */
export function privateEnvironment(options: EnvironmentOptions, host: Host = nodeHost()) {
  const engines = new EnginePool(host, kernelModule);
  // The constructor is private: users share the engines of their process.
  const env = Reflect.construct(ExecutionEnvironment, [host, engines, options]) as ExecutionEnvironment;
  return {
    env,
    /** Blocks that live in the memory of the thread that plans; none between jobs. Threads of their own check themselves. */
    async liveBlocks(): Promise<number> {
      const engine = await engines.acquire(options.parallelism ?? 1);
      const { liveBlocks } = engine.workspace.allocator;
      engines.release(engine);
      return liveBlocks;
    },
    close: () => engines.close(),
  };
}

/** The real host with some of its file operations replaced. */
export function hostWithFiles(replaced: (files: HostFiles) => Partial<HostFiles>): Host {
  const host = nodeHost();
  const { files } = host;
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(files)) as (keyof HostFiles)[];
  const methods = names.map((name) => [
    name,
    (...args: never[]) => (files[name] as (...args: never[]) => unknown).apply(files, args),
  ]);
  return { ...host, files: { ...Object.fromEntries(methods), ...replaced(files) } as HostFiles };
}
