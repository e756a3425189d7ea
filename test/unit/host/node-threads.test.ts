import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import type { Link } from "../../../src/core/host.ts";
import { nodeHost } from "../../../src/host/node-host.ts";
import { NodeThreads } from "../../../src/host/node-threads.ts";
import { withDirectory } from "../../support/host.ts";

/** Waits for the next message as an idle thread does. */
const receive = (link: Link): Promise<unknown> =>
  new Promise((resolve) => {
    const take = () => {
      const message = link.poll();
      if (message !== undefined) resolve(message);
    };
    link.onArrival(take);
    take();
  });

/** A worker in plain JavaScript that speaks the same start protocol as the compiled entry. */
const withWorker = (source: string, use: (threads: NodeThreads) => Promise<void>): Promise<void> =>
  withDirectory(async (directory) => {
    const entry = join(directory, "entry.mjs");
    writeFileSync(entry, `import { workerData } from "node:worker_threads";\n${source}`);
    await use(new NodeThreads(pathToFileURL(entry)));
  });

describe("NodeThreads", () => {
  it("links two ends in order, by polling and by arrival", async () => {
    const { threads, scheduler } = nodeHost();
    const [a, b] = threads.createLink();
    const [left, right] = [threads.open(a), threads.open(b)];
    expect(right.poll()).toBeUndefined();
    left.send({ n: 1 });
    left.send({ n: 2 });
    expect(right.poll()).toEqual({ n: 1 });
    // The second one arrives through the event loop, a third behind it.
    for (let i = 0; i < 5; i++) await scheduler.yield();
    left.send({ n: 3 });
    expect(right.poll()).toEqual({ n: 2 });
    expect(await receive(right)).toEqual({ n: 3 });
    left.close();
    right.close();
    expect(right.poll()).toBeUndefined();
  });

  it("keeps messages that arrived before somebody listened", async () => {
    const { threads, scheduler } = nodeHost();
    const [a, b] = threads.createLink();
    const [left, right] = [threads.open(a), threads.open(b)];
    left.send("early");
    for (let i = 0; i < 5; i++) await scheduler.yield();
    expect(await receive(right)).toBe("early");
    left.close();
    right.close();
  });

  it("starts a thread with its init and a link, and ends it", () =>
    withWorker(
      `const { init, port } = workerData;
       const shared = new Uint8Array(init.memory.buffer);
       port.on("message", (m) => { shared[7] = m.n; port.postMessage({ got: init.name }); if (m.n === 0) port.close(); });`,
      async (threads) => {
        const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
        const worker = threads.spawn({ name: "w", memory });
        worker.link.send({ n: 42 });
        const hold = setTimeout(() => {}, 10_000);
        expect(await receive(worker.link)).toEqual({ got: "w" });
        expect(new Uint8Array(memory.buffer)[7]).toBe(42);
        worker.link.send({ n: 0 });
        await worker.ended;
        clearTimeout(hold);
      },
    ));

  it("terminates a thread that never ends, without an error", () =>
    withWorker("for (;;);", async (threads) => {
      const worker = threads.spawn(null);
      await worker.terminate();
      await worker.ended;
    }));

  it("tells when a thread died", () =>
    withWorker('throw new Error("boom");', async (threads) => {
      await expect(threads.spawn(null).ended).rejects.toThrow("boom");
    }));

  it("lets the process end although an idle thread and links are open", () =>
    withDirectory((directory) => {
      const entry = join(directory, "entry.mjs");
      writeFileSync(
        entry,
        'import { workerData } from "node:worker_threads"; workerData.port.on("message", () => {});',
      );
      const script = join(directory, "main.ts");
      writeFileSync(
        script,
        `import { NodeThreads } from ${JSON.stringify(new URL("../../../src/host/node-threads.ts", import.meta.url).href)};
         const threads = new NodeThreads(new URL(${JSON.stringify(pathToFileURL(entry).href)}));
         const { link } = threads.spawn(null);
         link.onArrival(() => {});
         threads.open(threads.createLink()[0]).onArrival(() => {});
         console.log("done");`,
      );
      const tsx = import.meta.resolve("tsx");
      const { status, stdout } = spawnSync(process.execPath, ["--import", tsx, script], { timeout: 20_000 });
      expect([status, stdout.toString()]).toEqual([0, "done\n"]);
    }));

  it("tells that the worker is not built", () => {
    const threads = new NodeThreads(new URL("file:///nowhere/worker-entry.js"));
    expect(() => threads.spawn(null)).toThrow(/npm run build/);
  });
});
