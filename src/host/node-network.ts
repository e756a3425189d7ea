import { createServer, type Server, Socket } from "node:net";
import { ExternalError } from "../core/errors.ts";
import type { Connection, HostNetwork, Listener } from "../core/host.ts";

/** TCP through node:net. */
export class NodeNetwork implements HostNetwork {
  connect(host: string, port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = new Socket();
      const onError = (cause: Error) => {
        socket.destroy();
        reject(connectionFailed(`Nothing answers at ${host}:${port}`, cause));
      };
      socket.once("error", onError);
      socket.connect(port, host, () => {
        socket.off("error", onError);
        resolve(new NodeConnection(socket, `${host}:${port}`));
      });
    });
  }

  listen(port: number, host = "127.0.0.1"): Promise<Listener> {
    return new Promise((resolve, reject) => {
      // Paused, so that nothing arrives before somebody reads.
      const server = createServer({ pauseOnConnect: true });
      server.once("error", (cause) => reject(connectionFailed(`${host}:${port} cannot be listened on`, cause)));
      server.listen(port, host, () => resolve(new NodeListener(server)));
    });
  }
}

class NodeListener implements Listener {
  readonly port: number;
  readonly #server: Server;
  readonly #waiting: Socket[] = [];
  #accept: ((connection: Connection | undefined) => void) | undefined;
  #isOpen = true;

  constructor(server: Server) {
    this.#server = server;
    const address = server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    server.on("connection", (socket) => {
      if (this.#accept === undefined) this.#waiting.push(socket);
      else {
        this.#accept(connectionOf(socket));
        this.#accept = undefined;
      }
    });
  }

  accept(): Promise<Connection | undefined> {
    const socket = this.#waiting.shift();
    if (socket !== undefined) return Promise.resolve(connectionOf(socket));
    if (!this.#isOpen) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#accept = resolve;
    });
  }

  close(): void {
    this.#isOpen = false;
    this.#server.close();
    for (const socket of this.#waiting) socket.destroy();
    this.#accept?.(undefined);
  }
}

const connectionOf = (socket: Socket): Connection =>
  new NodeConnection(socket, `${socket.remoteAddress}:${socket.remotePort}`);

class NodeConnection implements Connection {
  readonly #socket: Socket;
  readonly #peer: string;
  #failure: Error | undefined;
  #hasEnded = false;
  #isClosed = false;
  /** Called when something has changed. */
  #onReadable: () => void = () => undefined;
  #onWritable: () => void = () => undefined;

  constructor(socket: Socket, peer: string) {
    this.#socket = socket;
    this.#peer = peer;
    socket.setNoDelay(true);
    socket.on("readable", () => this.#onReadable());
    socket.on("drain", () => this.#onWritable());
    const onEnd = () => {
      this.#hasEnded = true;
      this.#onReadable();
      this.#onWritable();
    };
    socket.on("end", onEnd);
    socket.on("close", onEnd);
    socket.on("error", (cause) => {
      this.#failure = cause;
      onEnd();
    });
  }

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      const attempt = () => {
        const chunk = this.#isClosed ? null : (this.#socket.read() as Uint8Array | null);
        if (chunk === null && !this.#hasEnded && !this.#isClosed) return;
        this.#onReadable = () => undefined;
        if (chunk !== null) resolve(chunk);
        else if (this.#failure !== undefined && !this.#isClosed) reject(connectionLost(this.#peer, this.#failure));
        else resolve(undefined);
      };
      this.#onReadable = attempt;
      attempt();
    });
  }

  write(bytes: Uint8Array): void | Promise<void> {
    if (this.#failure !== undefined || this.#isClosed || this.#socket.destroyed) {
      throw connectionLost(this.#peer, this.#failure);
    }
    if (this.#socket.write(bytes)) return;
    return new Promise((resolve, reject) => {
      this.#onWritable = () => {
        this.#onWritable = () => undefined;
        if (this.#failure === undefined && !this.#socket.destroyed) resolve();
        else reject(connectionLost(this.#peer, this.#failure));
      };
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onReadable();
    // Sends what is left; the rest of what arrives is dropped.
    this.#socket.end();
    this.#socket.resume();
  }
}

const connectionFailed = (what: string, cause: Error): ExternalError =>
  new ExternalError(
    "CONNECTION_FAILED",
    true,
    `${what}: ${cause.message}.`,
    "Check address and port, and that the other side runs.",
    { cause },
  );

const connectionLost = (peer: string, cause?: Error): ExternalError =>
  new ExternalError(
    "CONNECTION_LOST",
    true,
    `The connection to ${peer} is lost${cause === undefined ? "" : `: ${cause.message}`}.`,
    "Check the other side and the network between; connect again.",
    cause === undefined ? {} : { cause },
  );
