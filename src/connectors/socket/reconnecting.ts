import { PlanError } from "../../core/errors.ts";
import type { Connection, Host } from "../../core/host.ts";

/** What to do where a connection fails, is lost or ends. */
export interface ReconnectPolicy {
  /** In a row, without success between; default 0. Infinity: always. */
  readonly maxRetries?: number;
  /** Default 500. */
  readonly delayMs?: number;
}

export interface SocketAddress {
  /** Default "localhost". */
  readonly host?: string;
  readonly port: number;
  readonly reconnect?: ReconnectPolicy;
}

/** @throws {PlanError} OPTION_INVALID */
export function checkAddress({ host, port, reconnect = {} }: SocketAddress): void {
  if (host !== undefined && (typeof host !== "string" || host === "")) {
    throw new PlanError("OPTION_INVALID", `The host is ${JSON.stringify(host)}.`, "It is a name or an address.");
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new PlanError("OPTION_INVALID", `The port is ${JSON.stringify(port)}.`, "It is a whole number up to 65535.");
  }
  for (const [name, value] of Object.entries(reconnect)) {
    if (value === undefined || (typeof value === "number" && value >= 0)) continue;
    throw new PlanError("OPTION_INVALID", `reconnect.${name} is ${JSON.stringify(value)}.`, "It is a number from 0.");
  }
}

/** A connection that is made again as the policy says. */
export class ReconnectingSocket {
  readonly #host: Host;
  readonly #address: SocketAddress;
  #connection: Connection | undefined;
  #retries = 0;
  #isClosed = false;
  #endWait: () => void = () => undefined;

  constructor(host: Host, address: SocketAddress) {
    this.#host = host;
    this.#address = address;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The connection, made where there is none; undefined once this was closed. @throws {ExternalError} CONNECTION_FAILED */
  async connection(): Promise<Connection | undefined> {
    while (this.#connection === undefined && !this.#isClosed) {
      try {
        const { host = "localhost", port } = this.#address;
        const made = await this.#host.network.connect(host, port);
        if (this.#isClosed) made.close();
        else this.#connection = made;
      } catch (thrown) {
        if (!(await this.retry())) throw thrown;
      }
    }
    return this.#connection;
  }

  /** The other side has answered: retries are counted from here. */
  succeeded(): void {
    this.#retries = 0;
  }

  /** Gives the connection up; true, after a pause, where it may be made again. */
  async retry(): Promise<boolean> {
    this.#connection?.close();
    this.#connection = undefined;
    const { maxRetries = 0, delayMs = 500 } = this.#address.reconnect ?? {};
    if (this.#isClosed || this.#retries >= maxRetries) return false;
    this.#retries++;
    await new Promise<void>((resolve) => {
      const cancel = this.#host.scheduler.after(delayMs, resolve);
      this.#endWait = () => {
        cancel();
        resolve();
      };
    });
    return !this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    this.#endWait();
    this.#connection?.close();
    this.#connection = undefined;
  }
}
