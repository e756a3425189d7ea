import { InternalError } from "../core/errors.ts";
import type { Link } from "../core/host.ts";
import type { Peers } from "./job-channels.ts";
import type { PeerMessage } from "./messages.ts";

/** One thread's links to all others, and views of their memories. */
export class PeerLinks implements Peers {
  readonly #links = new Map<number, Link>();
  readonly #memories: readonly WebAssembly.Memory[];
  readonly #views: Uint8Array[] = [];

  constructor(memories: readonly WebAssembly.Memory[]) {
    this.#memories = memories;
  }

  add(thread: number, link: Link, onArrival: () => void): void {
    this.#links.set(thread, link);
    link.onArrival(onArrival);
  }

  send(thread: number, message: PeerMessage): void {
    const link = this.#links.get(thread);
    if (link === undefined) throw new InternalError(`There is no link to thread ${thread}`);
    link.send(message);
  }

  memory(thread: number): Uint8Array {
    // A view of a memory that has grown since stays valid, but does not reach the new pages.
    const { buffer } = this.#memories[thread];
    let view = this.#views[thread];
    if (view === undefined || view.byteLength !== buffer.byteLength) {
      view = new Uint8Array(buffer);
      this.#views[thread] = view;
    }
    return view;
  }

  /** Takes everything that has arrived. */
  poll(onMessage: (message: PeerMessage) => void): void {
    for (const link of this.#links.values()) {
      for (let message = link.poll(); message !== undefined; message = link.poll()) onMessage(message as PeerMessage);
    }
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
  }
}
