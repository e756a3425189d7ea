/**
 * Everything nondeterministic comes from outside: clock, timers, randomness, files, threads.
 * `src/host/node-host.ts` is the real one; the simulator in src/testing has its own.
 * src/core, src/state, src/runtime, src/plan, the APIs and the connectors reach the outside world only through this.
 */
export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: HostScheduler;
  readonly files: HostFiles;
  readonly network: HostNetwork;
  readonly threads: HostThreads;
  readonly processes: HostProcesses;
  readonly modules: HostModules;
  /** Number of hardware threads that jobs may use by default. */
  readonly availableParallelism: number;
  /** Where a progress line goes; absent where nobody watches. */
  readonly terminal?: Terminal;
  /** Calls back some time after nothing refers to `target` any more; `callback` must not refer to it either. */
  whenCollected(target: object, callback: () => void): void;
  /** Physical memory in bytes; half of it is the default budget of a job. */
  readonly totalMemoryBytes: number;
  /**
   * Names a moment at which it matters whether the process dies ("checkpoint.complete"): `host.crashPoint?.(name)`.
   * The simulator counts these, and crashes or fails there where a test asks for it; absent in production.
   */
  readonly crashPoint?: (label: string) => void;
}

export interface Terminal {
  readonly stream: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  /** Standard output, for rows that a job prints. */
  readonly output?: { write(text: string): unknown };
  /** Environment variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface Clock {
  /** Wall clock, epoch milliseconds. */
  nowMs(): number;
  /** Monotonic time in milliseconds with a fraction; only differences mean something. */
  monotonicMs(): number;
}

export interface Random {
  /** An unsigned 32-bit integer. */
  nextUint32(): number;
}

export interface HostScheduler {
  /** Lets other work of the thread's event loop run, then goes on. */
  yield(): Promise<void>;
  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface FileInfo {
  path: string;
  sizeBytes: number;
  isDirectory: boolean;
  /** Changes when the content changes (modification time and size, or an ETag). */
  version: string;
  /** When the content last changed, epoch milliseconds; absent where nobody knows. */
  modifiedMs?: number;
}

/** An open file for positional reads. */
export interface ReadableFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Reads exactly `target.length` bytes at `position`; fails with FILE_TRUNCATED where the file ends before. */
  readInto(target: Uint8Array, position: number): void;
  close(): void;
}

/** A file that is being written. Nothing is visible under a final name before `rename`. */
export interface WritableFile {
  readonly path: string;
  write(bytes: Uint8Array): void;
  /** Returns when the bytes are on stable storage. */
  sync(): void;
  close(): void;
}

/** Local files. Calls are synchronous: they run on worker threads or in short slices, and cost no await per batch. */
export interface HostFiles {
  /** Undefined where nothing exists at `path`. */
  stat(path: string): FileInfo | undefined;
  /** Names in a directory, sorted. */
  list(path: string): string[];
  openRead(path: string): ReadableFile;
  /** Creates or truncates; with `exclusive`, fails with FILE_EXISTS where something has that name. */
  openWrite(path: string, options?: { readonly exclusive?: boolean }): WritableFile;
  rename(from: string, to: string): void;
  /** Removes a file or, recursively, a directory; nothing happens where nothing exists. */
  remove(path: string): void;
  makeDirectory(path: string): void;
  syncDirectory(path: string): void;
  /**
   * A new empty directory for temporary files, private to this process and named after it, in `parent`, which is created
   * where it is missing; default: where the system has temporary files.
   */
  makeTemporaryDirectory(prefix: string, parent?: string): string;
  /** Removes temporary directories with this prefix, in `parent`, whose processes have died without doing so. */
  removeAbandonedDirectories(prefix: string, parent?: string): void;
  /** For what is large, or has to last: the thread goes on meanwhile. */
  readonly behind: FilesBehind;
}

/** What HostFiles does, and fails with, while the thread goes on with other work. */
export interface FilesBehind {
  /** Creates or truncates a file of these parts and syncs it. They must not change until this has settled. */
  write(path: string, parts: readonly Uint8Array[]): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

/** Streams of bytes between processes (TCP). Failures are ExternalErrors CONNECTION_FAILED and CONNECTION_LOST. */
export interface HostNetwork {
  connect(host: string, port: number): Promise<Connection>;
  /** Port 0 takes a free one. Default host: this machine alone. */
  listen(port: number, host?: string): Promise<Listener>;
}

/** One end of a connection: bytes in order, both ways. */
export interface Connection {
  /**
   * What has arrived since the last read, as soon as there is something; undefined once the other side has ended or
   * this one was closed. One read at a time. What nobody reads holds the sender back.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Takes the bytes as they are: they must not change. A promise where the other side is behind. */
  write(bytes: Uint8Array): void | Promise<void>;
  /** What was written still arrives. */
  close(): void;
}

export interface Listener {
  readonly port: number;
  /** The next connection; undefined once the listener was closed. */
  accept(): Promise<Connection | undefined>;
  close(): void;
}

/** Processes, as far as it matters to those that clean up behind them. */
export interface HostProcesses {
  /** Names this process, now and for good: letters, digits and dots, to be part of the names of files. */
  readonly token: string;
  /** Whether the process of a token has certainly ended; false where nothing is known about it. */
  isDead(token: string): boolean;
  /** Calls back when the process exits in good order, not after a signal; the returned function cancels. */
  onExit(callback: () => void): () => void;
}

/** Modules of the user's, which are imported by URL. */
export interface HostModules {
  /** The URL of a path or URL as the user gave it; a relative path starts at the working directory of the process. */
  resolve(given: string | URL): string;
  /**
   * The URL from which any thread can import the module: its own, or that of a compiled copy where it is TypeScript and
   * threads cannot read that.
   * @throws {PlanError} JOB_MODULE_NOT_FOUND, JOB_MODULE_FAILED
   */
  compile(url: string): Promise<string>;
  /**
   * Its exports: from `url` where this thread can read it, else from `compiled`. A thread runs a module once.
   * @throws {PlanError} JOB_MODULE_FAILED where the module, or one that it imports, throws
   */
  import(url: string, compiled: string): Promise<Readonly<Record<string, unknown>>>;
}

/** One end of a link between two threads: ordered, reliable, structured-clone messages. */
export interface Link {
  send(message: unknown, transfer?: readonly unknown[]): void;
  /** Takes the oldest message that has arrived, without waiting. */
  poll(): unknown;
  /** Calls back whenever a message has arrived while the thread was idle; the callback polls. */
  onArrival(callback: () => void): void;
  close(): void;
}

export interface WorkerHandle {
  readonly link: Link;
  /** Resolves when the thread has ended; rejects when it died of an error. */
  readonly ended: Promise<void>;
  terminate(): Promise<void>;
}

export interface HostThreads {
  /** Starts a thread that runs the engine's worker entry; `init` arrives there as is. */
  spawn(init: unknown, transfer?: readonly unknown[]): WorkerHandle;
  /** Two connected ends; an end may be sent to a thread (it is transferable) and opened there by `open`. */
  createLink(): [transferableA: unknown, transferableB: unknown];
  open(transferable: unknown): Link;
}
