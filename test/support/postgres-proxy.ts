import { connect, createServer, type Server, type Socket } from "node:net";

/** A statement on its way to the server, or the server's word that one was done, on its way back. */
export interface ProxyEvent {
  readonly kind: "statement" | "done" | "rows";
  /** The SQL of a statement, or what was done: "COMMIT", "COPY 5". */
  readonly text: string;
  /** What this connection has said before, oldest first. */
  readonly statements: readonly string[];
}

/** "cut" ends the connection to both sides instead of passing the message on. */
export type ProxyWatch = (event: ProxyEvent) => "cut" | undefined;

/** Whether a statement, or the answer to one, is of the transaction that moves rows to their table. */
export const isOfCommit = ({ statements }: ProxyEvent): boolean =>
  statements.some((text) => text.includes("FOR UPDATE")) && statements.some((text) => text.startsWith("DROP TABLE"));

/** Between a client and a PostgreSQL server: sees each message, and may cut the connection there. */
export class PostgresProxy {
  watch: ProxyWatch = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number): Promise<PostgresProxy> {
    const server = createServer();
    const proxy = new PostgresProxy(server);
    server.on("connection", (client) => proxy.#join(client, connect(port, "127.0.0.1")));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** The URL of the server by way of here. */
  urlOf(url: string): string {
    const given = new URL(url);
    given.host = `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
    return given.href;
  }

  /** All that are open. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cutAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    const statements: string[] = [];
    const end = () => {
      client.destroy();
      server.destroy();
    };
    const tell = (kind: ProxyEvent["kind"], text: string) => this.watch({ kind, text, statements }) === "cut";
    const toServer = new Messages(false);
    const toClient = new Messages(true);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    client.on("data", (bytes) => {
      for (const { type, body, whole } of toServer.add(bytes)) {
        // A query; or Parse, whose text stands behind a name. 'd' are rows of COPY.
        const text = type === "Q" ? textAt(body, 0) : type === "P" ? textAt(body, body.indexOf(0) + 1) : undefined;
        if (text !== undefined && tell("statement", text)) return end();
        if (text !== undefined) statements.push(text);
        if (type === "d" && tell("rows", "")) return end();
        server.write(whole);
      }
    });
    server.on("data", (bytes) => {
      for (const { type, body, whole } of toClient.add(bytes)) {
        if (type === "C" && tell("done", textAt(body, 0))) return end();
        client.write(whole);
      }
    });
  }
}

const textAt = (body: Buffer, start: number): string => body.toString("utf8", start, body.indexOf(0, start));

interface Message {
  readonly type: string;
  readonly body: Buffer;
  readonly whole: Buffer;
}

/** Cuts bytes into messages: a letter, the length with itself, the body. A client's first one has no letter. */
class Messages {
  #bytes: Buffer = Buffer.alloc(0);
  #hasStarted: boolean;

  constructor(hasStarted: boolean) {
    this.#hasStarted = hasStarted;
  }

  *add(bytes: Buffer): Generator<Message> {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const head = this.#hasStarted ? 1 : 0;
      if (this.#bytes.length < head + 4) return;
      const end = head + this.#bytes.readUInt32BE(head);
      if (this.#bytes.length < end) return;
      const whole = this.#bytes.subarray(0, end);
      this.#bytes = this.#bytes.subarray(end);
      this.#hasStarted = true;
      yield { type: head === 0 ? "" : String.fromCharCode(whole[0]), body: whole.subarray(head + 4), whole };
    }
  }
}
