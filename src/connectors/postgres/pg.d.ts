// The parts of pg (node-postgres) that the connector uses.
declare module "pg" {
  interface ClientConfig {
    readonly [name: string]: unknown;
  }
  interface QueryResult {
    readonly rows: Record<string, unknown>[];
    readonly rowCount: number | null;
  }
  /** One connection to the server; `connection` is what it speaks through. */
  class Client {
    constructor(config: ClientConfig);
    connect(): Promise<void>;
    query(text: string, values?: readonly unknown[]): Promise<QueryResult>;
    /** An object of one's own takes part in the protocol until it is ready for the next query. */
    query<Q extends Submittable>(query: Q): Q;
    end(): Promise<void>;
    on(event: "error" | "end", listener: (error: Error) => void): this;
  }
  interface Submittable {
    submit(connection: Connection): Error | undefined;
    handleCopyInResponse(connection: Connection): void;
    handleCommandComplete(message: { readonly text: string }): void;
    handleError(error: Error): void;
    handleReadyForQuery(): void;
  }
  interface Connection {
    query(text: string): void;
    endCopyFrom(): void;
    readonly stream: {
      write(bytes: Uint8Array): boolean;
      readonly writableNeedDrain: boolean;
      destroy(): void;
      once(event: "drain" | "close", listener: () => void): unknown;
      off(event: "drain" | "close", listener: () => void): unknown;
    };
  }
  const pg: { readonly Client: typeof Client };
  export default pg;
  export type { Client, ClientConfig, Connection, QueryResult, Submittable };
}
