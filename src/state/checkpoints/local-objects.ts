import { ExternalError } from "../../core/errors.ts";
import type { HostFiles } from "../../core/host.ts";
import type { ObjectStore, StoredObject } from "../../core/object-store.ts";

/** What is being written has a name that no object has. */
const UNFINISHED = ".unfinished-";

/**
 * Objects in a directory, one file each. A file is written under another name, synced, renamed, and then the directory
 * is synced, as are those above that did not exist before. Files of writers that died stay hidden.
 */
export class LocalObjects implements ObjectStore {
  readonly location: string;
  readonly #files: HostFiles;
  /** Directories of this store that are known to be durable. */
  readonly #durable = new Set<string>();
  readonly #token: string;
  readonly #isOneWriters: (directory: string) => boolean;
  #unfinished = 0;

  /**
   * `token` is the writer's alone: files that several write at once must not have the same name.
   * `isOneWriters`: whether only one writer puts objects into a directory, so that it can go when it is empty.
   */
  constructor(files: HostFiles, directory: string, token: string, isOneWriters: (directory: string) => boolean) {
    this.location = directory.length > 1 ? directory.replace(/\/+$/, "") : directory;
    this.#files = files;
    this.#token = token;
    this.#isOneWriters = isOneWriters;
  }

  async put(name: string, bytes: readonly Uint8Array[]): Promise<void> {
    const path = this.#path(name);
    const directory = await this.#makeDirectory(path);
    const unfinished = `${directory}/${UNFINISHED}${this.#token}-${this.#unfinished++}`;
    try {
      await this.#files.behind.write(unfinished, bytes);
      await this.#files.behind.rename(unfinished, path);
    } catch (thrown) {
      this.#discard(unfinished);
      throw thrown;
    }
    await this.#files.behind.syncDirectory(directory);
  }

  async claim(name: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.#path(name);
    const directory = await this.#makeDirectory(path);
    const isMine = this.#create(path);
    // It counts by being there: what is written into it is for people.
    if (isMine) await this.#files.behind.write(path, [bytes]);
    // Whoever took it may have died before it lasted.
    await this.#files.behind.syncDirectory(directory);
    return isMine;
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const path = this.#path(name);
    if (this.#files.stat(path) === undefined) return undefined;
    const file = this.#files.openRead(path);
    try {
      const bytes = new Uint8Array(file.sizeBytes);
      file.readInto(bytes, 0);
      return bytes;
    } finally {
      file.close();
    }
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const found: StoredObject[] = [];
    this.#collect(prefix, found);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#files.behind.remove(this.#path(name));
    for (const directory of new Set(names.map(parentOf))) await this.#settle(directory);
  }

  #path(name: string): string {
    return `${this.location}/${name}`;
  }

  #collect(prefix: string, found: StoredObject[]): void {
    const directory = this.#path(prefix).replace(/\/$/, "");
    if (this.#files.stat(directory)?.isDirectory !== true) return;
    for (const entry of this.#files.list(directory)) {
      if (entry.startsWith(UNFINISHED)) continue;
      const name = prefix + entry;
      const info = this.#files.stat(`${directory}/${entry}`);
      if (info?.isDirectory === true) this.#collect(`${name}/`, found);
      else if (info !== undefined) found.push({ name, sizeBytes: info.sizeBytes });
    }
  }

  /** False: it is there. */
  #create(path: string): boolean {
    try {
      this.#files.openWrite(path, { exclusive: true }).close();
      return true;
    } catch (thrown) {
      if (!(thrown instanceof ExternalError) || thrown.code !== "FILE_EXISTS") throw thrown;
      return false;
    }
  }

  #discard(path: string): void {
    try {
      this.#files.remove(path);
    } catch {
      // What led here is what the caller has to know of.
    }
  }

  /** The directory of a path, with all above it: made, and durable under its name. */
  async #makeDirectory(path: string): Promise<string> {
    const directory = path.slice(0, path.lastIndexOf("/"));
    if (this.#durable.has(directory)) return directory;
    this.#files.makeDirectory(directory);
    const made = [directory];
    // Which of them are new is not known: a process that made them may have died before it synced.
    for (const above of directoriesAbove(directory)) {
      await this.#syncIfOwn(above);
      if (this.#durable.has(above)) break;
      made.push(above);
    }
    for (const durable of made) this.#durable.add(durable);
    return directory;
  }

  /** A directory that this user may not read is none that a process of this user has made. */
  async #syncIfOwn(directory: string): Promise<void> {
    try {
      await this.#files.behind.syncDirectory(directory);
    } catch (thrown) {
      if (!(thrown instanceof ExternalError) || thrown.code !== "FILE_ACCESS_DENIED") throw thrown;
    }
  }

  /**
   * What was removed from a directory does not come back. An empty one of one writer goes, and with it what that writer
   * may have left unfinished.
   */
  async #settle(directory: string): Promise<void> {
    const path = directory === "" ? this.location : this.#path(directory);
    if (this.#files.stat(path)?.isDirectory !== true) return;
    const isNeeded = (): boolean => this.#files.list(path).some((entry) => !entry.startsWith(UNFINISHED));
    if (!this.#isOneWriters(directory) || isNeeded()) {
      await this.#files.behind.syncDirectory(path);
      return;
    }
    this.#durable.delete(path);
    this.#files.remove(path);
    await this.#settle(parentOf(directory));
  }
}

const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf("/")));

/** From the nearest to the root, or to the working directory. */
function directoriesAbove(path: string): string[] {
  const above: string[] = [];
  for (let at = parentOf(path); at !== ""; at = parentOf(at)) above.push(at);
  above.push(path.startsWith("/") ? "/" : ".");
  return above;
}
