import { InternalError } from "../core/errors.ts";
import type { Host, HostThreads, Link, WorkerHandle } from "../core/host.ts";
import { cloneMessage } from "./message-clone.ts";
import { LinkEnd, type SimulatedLinks } from "./simulated-links.ts";
import type { SimulatedThread } from "./simulated-thread.ts";

/** What a spawned thread runs, in the place of a worker's entry module: with its own host, linked to its parent. */
export type ThreadEntry = (host: Host, parent: Link, init: unknown) => void;

/** A spawned thread and the promise of its end. */
interface Spawned {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Threads that take turns on one real thread; each has its own host, and what the entry makes for it. */
export class SimulatedThreads {
  readonly #links: SimulatedLinks;
  readonly #entry: ThreadEntry;
  readonly #create: (name: string) => SimulatedThread;
  readonly #end: (thread: SimulatedThread) => void;
  readonly #running = new Map<SimulatedThread, Spawned>();
  #count = 0;

  constructor(options: {
    links: SimulatedLinks;
    entry: ThreadEntry;
    create: (name: string) => SimulatedThread;
    /** Takes everything from a thread that it was going to do. */
    end: (thread: SimulatedThread) => void;
  }) {
    this.#links = options.links;
    this.#entry = options.entry;
    this.#create = options.create;
    this.#end = options.end;
  }

  /** The view that a thread has of threads. */
  of(owner: SimulatedThread): HostThreads {
    return {
      spawn: (init, transfer) => this.#spawn(owner, init, transfer),
      createLink: () => this.#links.create(),
      open: (end) => {
        if (!(end instanceof LinkEnd)) throw new InternalError("A link is opened from an end that createLink gave");
        return end.bind(owner);
      },
    };
  }

  /** Names of the threads that have not ended. */
  names(): string[] {
    return [...this.#running.keys()].map((thread) => thread.name);
  }

  find(name: string): SimulatedThread | undefined {
    return [...this.#running.keys()].find((thread) => thread.name === name);
  }

  /** Ends a thread with an error: an exception that nobody caught there, a fault. */
  kill(thread: SimulatedThread, error: unknown): void {
    const spawned = this.#remove(thread);
    spawned?.reject(error);
  }

  /** After a crash of the machine: nobody is left to hear of it. */
  clear(): void {
    for (const thread of [...this.#running.keys()]) this.#remove(thread);
  }

  #spawn(owner: SimulatedThread, init: unknown, transfer: readonly unknown[] = []): WorkerHandle {
    const name = `thread-${++this.#count}`;
    const thread = this.#create(name);
    const [parentEnd, childEnd] = this.#links.create(name);
    const given = cloneMessage(init, transfer);
    const ended = new Promise<void>((resolve, reject) => {
      this.#running.set(thread, { resolve, reject });
    });
    // Whoever owns the handle looks at `ended` in its own time; a rejection before that is not unhandled.
    ended.catch(() => undefined);
    thread.schedule("start", () => this.#entry(thread.host, childEnd.bind(thread), given));
    return {
      link: parentEnd.bind(owner),
      ended,
      terminate: () =>
        new Promise((resolve) => {
          owner.schedule("terminate", () => {
            this.#remove(thread)?.resolve();
            resolve();
          });
        }),
    };
  }

  #remove(thread: SimulatedThread): Spawned | undefined {
    const spawned = this.#running.get(thread);
    this.#running.delete(thread);
    this.#end(thread);
    return spawned;
  }
}
