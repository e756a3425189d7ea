import { describe, expect, it } from "vitest";
import { InternalError } from "../../../src/core/errors.ts";
import type { Host, Link } from "../../../src/core/host.ts";
import { cloneMessage } from "../../../src/testing/message-clone.ts";
import type { ThreadEntry } from "../../../src/testing/simulated-threads.ts";
import { Simulation } from "../../../src/testing/simulation.ts";

/** Sends back what arrives, with the thread's name for it. */
const echo: ThreadEntry = (_, parent, init) => {
  parent.onArrival(() => {
    for (let message = parent.poll(); message !== undefined; message = parent.poll()) parent.send([init, message]);
  });
};

/** Resolves when `count` messages have arrived. */
const receive = (link: Link, count: number): Promise<unknown[]> =>
  new Promise((resolve) => {
    const messages: unknown[] = [];
    link.onArrival(() => {
      for (let message = link.poll(); message !== undefined; message = link.poll()) messages.push(message);
      if (messages.length >= count) resolve(messages);
    });
  });

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe("simulated threads", () => {
  it("run their entry and answer in order, whatever the schedule does", async () => {
    for (let seed = 0; seed < 10; seed++) {
      const simulation = new Simulation({ seed, threadEntry: echo });
      const answers = await simulation.run(async ({ threads }) => {
        const workers = ["x", "y"].map((init) => threads.spawn(init));
        for (const i of numbers(5)) for (const worker of workers) worker.link.send(i);
        const received = await Promise.all(workers.map(({ link }) => receive(link, 5)));
        await Promise.all(workers.map((worker) => worker.terminate()));
        await Promise.all(workers.map((worker) => worker.ended));
        return received;
      });
      expect(answers).toEqual(["x", "y"].map((init) => numbers(5).map((i) => [init, i])));
      expect(simulation.threads()).toEqual([]);
    }
  });

  it("open links that others made and sent them", async () => {
    const entry: ThreadEntry = (host, parent) => {
      parent.onArrival(() => {
        const { end } = parent.poll() as { end: unknown };
        host.threads.open(end).send("hello");
      });
    };
    const simulation = new Simulation({ threadEntry: entry });
    const given = await simulation.run(async ({ threads }) => {
      const [own, other] = threads.createLink();
      threads.spawn(undefined).link.send({ end: other }, [other]);
      return receive(threads.open(own), 1);
    });
    expect(given).toEqual(["hello"]);
  });

  it("tell whoever started them when nobody there caught an error", async () => {
    const simulation = new Simulation({
      threadEntry: () => {
        throw new InternalError("broken");
      },
    });
    await expect(simulation.run(({ threads }) => threads.spawn(0).ended)).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("die where a test says, and what they were going to do does not happen", async () => {
    let ticks = 0;
    const entry: ThreadEntry = ({ scheduler }) => {
      const tick = () => {
        ticks++;
        scheduler.after(10, tick);
      };
      tick();
    };
    const simulation = new Simulation({ threadEntry: entry });
    const { ended } = simulation.host.threads.spawn(0);
    await simulation.advance(95);
    expect(ticks).toBe(10);
    simulation.killThread("thread-1");
    await expect(ended).rejects.toThrow();
    await simulation.advance(1000);
    expect(ticks).toBe(10);
    expect(() => simulation.killThread("thread-1")).toThrow(/No thread "thread-1" runs/);
  });
});

describe("simulated links", () => {
  const linked = (host: Host): [Link, Link] => {
    const [a, b] = host.threads.createLink();
    return [host.threads.open(a), host.threads.open(b)];
  };

  it("hold messages back while they are cut, and lose none", async () => {
    const simulation = new Simulation();
    const [a, b] = linked(simulation.host);
    const [name] = simulation.links.names();
    simulation.links.cut(name);
    a.send(1);
    a.send(2);
    await expect(simulation.run(receive(b, 2))).rejects.toMatchObject({
      code: "SIMULATION_DEADLOCK",
      waiting: ["link-1: 2 messages behind a cut"],
    });
    simulation.links.heal(name);
    expect(await simulation.run(receive(b, 2))).toEqual([1, 2]);
  });

  it("delay messages in virtual time and keep their order", async () => {
    const simulation = new Simulation({ faults: [{ label: "link.send", nth: 1, kind: "delay", amount: 500 }] });
    const [a, b] = linked(simulation.host);
    for (const i of numbers(3)) a.send(i);
    await simulation.advance(499);
    expect(b.poll()).toBe(0);
    expect(b.poll()).toBeUndefined();
    expect(await simulation.run(receive(b, 2))).toEqual([1, 2]);
    expect(simulation.elapsedMs).toBe(500);
    simulation.links.delay("link-1", 100);
    a.send(3);
    a.send(4);
    expect(await simulation.run(receive(b, 2))).toEqual([3, 4]);
    expect(simulation.elapsedMs).toBe(600);
  });

  it("bring what was sent before an end closed, and nothing after it", async () => {
    const simulation = new Simulation();
    const [a, b] = linked(simulation.host);
    a.send("last");
    a.close();
    a.send("too late");
    b.send("to nobody");
    await simulation.runUntilIdle();
    expect([b.poll(), b.poll(), a.poll()]).toEqual(["last", undefined, undefined]);
    expect(simulation.links.names()).toEqual([]);
  });

  it("know no other names than theirs", () => {
    expect(() => new Simulation().links.cut("none")).toThrow(/no link "none"/);
  });
});

describe("a message", () => {
  it("is copied as structured clone copies", () => {
    const loop: Record<string, unknown> = { list: [1n, undefined, null, "x"], plain: 1 };
    loop.self = loop;
    Object.defineProperty(loop, "__proto__", { value: "a name", enumerable: true });
    for (const message of [
      loop,
      new Map<unknown, unknown>([[{ a: 1 }, new Set([[1], "b"])]]),
      [new Date(5), /x/gi, new Uint8Array([1, 2]), new Float64Array([Number.NaN, -0])],
      { error: new RangeError("no") },
      7,
    ]) {
      const copy = cloneMessage(message, []);
      expect(copy).toEqual(structuredClone(message));
      if (typeof message === "object") expect(copy).not.toBe(message);
    }
    const copied = cloneMessage(loop, []) as Record<string, unknown>;
    expect(copied.self).toBe(copied);
    expect(Object.getPrototypeOf(copied)).toBe(Object.prototype);
  });

  it("shares shared memory and what is transferred, and holds no functions", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const bytes = new Uint8Array(memory.buffer);
    const moved = new Map();
    const copy = cloneMessage({ memory, bytes, moved }, [moved]) as Record<string, unknown>;
    expect(copy.memory).toBe(memory);
    expect(copy.bytes).toBe(bytes);
    expect(copy.moved).toBe(moved);
    expect(() => cloneMessage({ f: () => 1 }, [])).toThrow(/holds a function/);
    const [end] = new Simulation().host.threads.createLink();
    expect(() => cloneMessage({ end }, [])).toThrow(/not transferred/);
  });
});
