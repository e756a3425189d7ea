import { InternalError, PlanError } from "../core/errors.ts";
import type { Link } from "../core/host.ts";
import { cloneMessage, UnsendableUnlessTransferred } from "./message-clone.ts";
import type { SimulatedThread } from "./simulated-thread.ts";

/** A message on its way. */
interface Travelling {
  readonly message: unknown;
  /** When it may arrive, in elapsed milliseconds; not before those ahead of it. */
  readonly dueMs: number;
}

/** All links of a simulation; each delivers in order, and the order between links is the schedule's. */
export class SimulatedLinks {
  readonly #wires = new Map<string, Wire>();
  #count = 0;

  /** @internal Two ends of a new link, to be bound to the threads that use them. */
  create(name = `link-${++this.#count}`): [LinkEnd, LinkEnd] {
    const wire = new Wire(name);
    this.#wires.set(name, wire);
    return wire.ends;
  }

  /** Names of the links that are open, in the order of their making. */
  names(): string[] {
    return [...this.#wires.values()].filter((wire) => !wire.isClosed).map((wire) => wire.name);
  }

  /** Messages stay on the link until `heal`; nothing is lost. */
  cut(name: string): void {
    this.#wire(name).isCut = true;
  }

  heal(name: string): void {
    this.#wire(name).heal();
  }

  /** Every message sent from now on takes `delayMs` of virtual time; 0 ends it. */
  delay(name: string, delayMs: number): void {
    this.#wire(name).delayMs = delayMs;
  }

  /** Both ends fall silent: what is on the way is lost. */
  close(name: string): void {
    for (const end of this.#wire(name).ends) end.lose();
  }

  /** @internal Links on which messages wait, in words. */
  waiting(): string[] {
    return [...this.#wires.values()].flatMap((wire) => {
      const count = wire.ends.reduce((sum, end) => sum + end.travelling, 0);
      if (count === 0) return [];
      return [`${wire.name}: ${count} messages ${wire.isCut ? "behind a cut" : "that nobody has opened the link for"}`];
    });
  }

  /** @internal After a crash: nothing of before is left. */
  clear(): void {
    for (const { ends } of this.#wires.values()) for (const end of ends) end.lose();
    this.#wires.clear();
  }

  #wire(name: string): Wire {
    const wire = this.#wires.get(name);
    if (wire !== undefined) return wire;
    throw new PlanError(
      "SIMULATED_LINK_UNKNOWN",
      `There is no link "${name}".`,
      `Links are: ${[...this.#wires.keys()].join(", ")}.`,
    );
  }
}

class Wire {
  readonly name: string;
  readonly ends: [LinkEnd, LinkEnd];
  isCut = false;
  delayMs = 0;

  constructor(name: string) {
    this.name = name;
    this.ends = [new LinkEnd(this), new LinkEnd(this)];
  }

  get isClosed(): boolean {
    return this.ends.some((end) => end.isClosed);
  }

  heal(): void {
    this.isCut = false;
    for (const end of this.ends) end.deliverNext();
  }

  peerOf(end: LinkEnd): LinkEnd {
    return this.ends[0] === end ? this.ends[1] : this.ends[0];
  }
}

/** One end: sends to the other, receives here. Travels between threads until one of them opens it. */
export class LinkEnd extends UnsendableUnlessTransferred implements Link {
  readonly #wire: Wire;
  #owner: SimulatedThread | undefined;
  /** To this end. */
  #incoming: Travelling[] = [];
  #isDelivering = false;
  #arrived: unknown[] = [];
  #onArrival: (() => void) | undefined;
  isClosed = false;

  constructor(wire: Wire) {
    super();
    this.#wire = wire;
  }

  get travelling(): number {
    return this.#incoming.length;
  }

  /** From now on the end belongs to a thread: messages arrive there. */
  bind(owner: SimulatedThread): Link {
    if (this.#owner !== undefined) throw new InternalError("An end of a link is opened once");
    this.#owner = owner;
    this.deliverNext();
    return this;
  }

  send(message: unknown, transfer: readonly unknown[] = []): void {
    const owner = this.#owner;
    if (owner === undefined) throw new InternalError("An end of a link is opened before it sends");
    if (owner.isDead || this.isClosed) return;
    const copy = cloneMessage(message, transfer);
    const fault = owner.event("link.send", this.#wire.name, ["delay", "cut"]);
    if (fault?.kind === "cut") this.#cut(owner, fault.amount);
    const extraMs = fault?.kind === "delay" ? (fault.amount ?? DEFAULT_DELAY_MS) : 0;
    this.#wire.peerOf(this).#receive({ message: copy, dueMs: owner.elapsedMs + this.#wire.delayMs + extraMs });
  }

  #cut(owner: SimulatedThread, forMs: number | undefined): void {
    this.#wire.isCut = true;
    if (forMs !== undefined) owner.after(forMs, () => this.#wire.heal(), "heal");
  }

  poll(): unknown {
    return this.#arrived.shift();
  }

  onArrival(callback: () => void): void {
    this.#onArrival = callback;
    // A message may have arrived before there was a callback.
    if (this.#arrived.length > 0) this.#owner?.schedule(this.#wire.name, () => this.#onArrival?.());
  }

  /** What was sent from here still arrives; nothing comes any more. */
  close(): void {
    this.isClosed = true;
    this.#onArrival = undefined;
    this.#incoming = [];
  }

  /** Falls silent without a word to the other end. */
  lose(): void {
    this.isClosed = true;
    this.#onArrival = undefined;
    this.#incoming = [];
    this.#arrived = [];
  }

  /** Brings the oldest message on its way, when its time has come and nothing is in its way. */
  deliverNext(): void {
    const owner = this.#owner;
    const next = this.#incoming[0];
    if (this.#isDelivering || owner === undefined || owner.isDead || next === undefined || this.#wire.isCut) return;
    this.#isDelivering = true;
    const arrive = () => {
      this.#isDelivering = false;
      // Cut or closed while it was on its way.
      if (this.#wire.isCut || this.#incoming[0] !== next) return this.deliverNext();
      this.#incoming.shift();
      this.#arrived.push(next.message);
      this.deliverNext();
      this.#onArrival?.();
    };
    const delayMs = next.dueMs - owner.elapsedMs;
    if (delayMs > 0) owner.after(delayMs, arrive, this.#wire.name);
    else owner.schedule(this.#wire.name, arrive);
  }

  #receive(travelling: Travelling): void {
    if (this.isClosed) return;
    this.#incoming.push(travelling);
    this.deliverNext();
  }
}

const DEFAULT_DELAY_MS = 1000;
