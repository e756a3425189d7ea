import { ExternalError } from "../core/errors.ts";
import type { Connection, HostNetwork, Listener } from "../core/host.ts";
import type { SimulatedThread } from "./simulated-thread.ts";

/** Sent and not read before the sender has to wait. */
const BUFFER_BYTES = 64 * 1024;
const FIRST_FREE_PORT = 40_000;

/**
 * Connections within the simulated machine: whoever listens on a port is reached under any host name. Bytes arrive in
 * order on each connection; the schedule decides between connections. Nothing outlives a crash.
 */
export class SimulatedNetwork {
  readonly #listeners = new Map<number, SimulatedListener>();
  readonly #connections = new Set<SimulatedConnection>();
  #nextPort = FIRST_FREE_PORT;

  /** @internal The view that a thread has of the network. */
  of(owner: SimulatedThread): HostNetwork {
    return {
      connect: (host, port) => this.#later(owner, "network.connect", () => this.#connect(owner, host, port)),
      listen: (port) => this.#later(owner, "network.listen", () => this.#listen(owner, port)),
    };
  }

  /** Breaks all connections to a port: both sides get CONNECTION_LOST. */
  breakConnections(port: number): void {
    for (const connection of [...this.#connections]) if (connection.port === port) connection.breakOff();
  }

  /** @internal After a crash: nothing of before is left. */
  clear(): void {
    this.#listeners.clear();
    this.#connections.clear();
  }

  #later<T>(owner: SimulatedThread, event: string, run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      owner.schedule(event, () => {
        try {
          const fault = owner.event(event, "", ["io-error"]);
          if (fault?.kind === "io-error") throw connectionFailed("The network fails, as the test asked");
          resolve(run());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  #connect(owner: SimulatedThread, host: string, port: number): Connection {
    const listener = this.#listeners.get(port);
    if (listener === undefined) throw connectionFailed(`Nothing answers at ${host}:${port}`);
    const forget = (connection: SimulatedConnection) => this.#connections.delete(connection);
    const [near, far] = [owner, listener.owner].map((end) => new SimulatedConnection(end, port, forget));
    near.peer = far;
    far.peer = near;
    this.#connections.add(near).add(far);
    listener.offer(far);
    return near;
  }

  #listen(owner: SimulatedThread, wanted: number): Listener {
    const port = wanted === 0 ? this.#nextPort++ : wanted;
    if (this.#listeners.has(port)) throw connectionFailed(`Port ${port} is taken`);
    const listener = new SimulatedListener(owner, port, () => this.#listeners.delete(port));
    this.#listeners.set(port, listener);
    return listener;
  }
}

class SimulatedListener implements Listener {
  readonly port: number;
  readonly owner: SimulatedThread;
  readonly #onClose: () => void;
  readonly #waiting: SimulatedConnection[] = [];
  #accept: ((connection: Connection | undefined) => void) | undefined;
  #isOpen = true;

  constructor(owner: SimulatedThread, port: number, onClose: () => void) {
    this.owner = owner;
    this.port = port;
    this.#onClose = onClose;
  }

  offer(connection: SimulatedConnection): void {
    const accept = this.#accept;
    this.#accept = undefined;
    if (accept === undefined) this.#waiting.push(connection);
    else this.owner.schedule("network", () => accept(connection));
  }

  accept(): Promise<Connection | undefined> {
    const connection = this.#waiting.shift();
    if (connection !== undefined || !this.#isOpen) return Promise.resolve(connection);
    return new Promise((resolve) => {
      this.#accept = resolve;
    });
  }

  close(): void {
    this.#isOpen = false;
    this.#onClose();
    for (const connection of this.#waiting) connection.breakOff();
    this.#accept?.(undefined);
  }
}

class SimulatedConnection implements Connection {
  readonly port: number;
  peer: SimulatedConnection | undefined;
  readonly #owner: SimulatedThread;
  readonly #forget: (connection: SimulatedConnection) => void;
  /** To this end, not read yet. */
  readonly #arrived: Uint8Array[] = [];
  readonly #onTheWay: (() => void)[] = [];
  #unreadBytes = 0;
  #hasEnded = false;
  #isBroken = false;
  #isClosed = false;
  #onArrival: () => void = () => undefined;
  #onRoom: () => void = () => undefined;

  constructor(owner: SimulatedThread, port: number, forget: (connection: SimulatedConnection) => void) {
    this.#owner = owner;
    this.port = port;
    this.#forget = forget;
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const attempt = () => {
        const chunk = this.#isClosed ? undefined : this.#arrived.shift();
        if (chunk === undefined && !this.#hasEnded && !this.#isClosed && !this.#isBroken) return;
        this.#onArrival = () => undefined;
        if (chunk !== undefined) {
          this.#unreadBytes -= chunk.length;
          this.peer?.wakeWriter();
          resolve(chunk);
        } else if (this.#isBroken && !this.#isClosed) reject(connectionLost(this.port));
        else resolve(undefined);
      };
      this.#onArrival = attempt;
      attempt();
    });
  }

  write(bytes: Uint8Array): void | Promise<void> {
    const { peer } = this;
    if (this.#isClosed || this.#isBroken || peer === undefined) throw connectionLost(this.port);
    this.#owner.event("network.send", `${this.port}`, []);
    const copy = bytes.slice();
    peer.deliver(() => peer.#receive(copy));
    peer.#unreadBytes += copy.length;
    if (peer.#unreadBytes <= BUFFER_BYTES) return;
    return new Promise((resolve, reject) => {
      this.#onRoom = () => {
        if (this.#isBroken) reject(connectionLost(this.port));
        else if (peer.#unreadBytes > BUFFER_BYTES) return;
        this.#onRoom = () => undefined;
        resolve();
      };
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#forget(this);
    this.#onArrival();
    const { peer } = this;
    peer?.deliver(() => peer.end());
  }

  breakOff(): void {
    for (const end of [this, this.peer]) {
      if (end === undefined) continue;
      end.#isBroken = true;
      end.#forget(end);
      end.#owner.schedule("network", () => {
        end.#onArrival();
        end.#onRoom();
      });
    }
  }

  /** What goes to this end, in order. */
  deliver(arrival: () => void): void {
    this.#onTheWay.push(arrival);
    if (this.#onTheWay.length === 1) this.#deliverNext();
  }

  #deliverNext(): void {
    if (this.#onTheWay.length === 0) return;
    this.#owner.schedule("network", () => {
      this.#onTheWay[0]();
      this.#onTheWay.shift();
      this.#deliverNext();
    });
  }

  wakeWriter(): void {
    this.#owner.schedule("network", () => this.#onRoom());
  }

  #receive(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    this.#arrived.push(bytes);
    this.#onArrival();
  }

  end(): void {
    this.#hasEnded = true;
    this.#onArrival();
  }
}

const connectionFailed = (what: string): ExternalError =>
  new ExternalError("CONNECTION_FAILED", true, `${what}.`, "Check address and port, and that the other side runs.");

const connectionLost = (port: number): ExternalError =>
  new ExternalError("CONNECTION_LOST", true, `The connection at port ${port} is lost.`, "Connect again.");
