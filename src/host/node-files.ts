import * as fs from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { FileInfo, FilesBehind, HostFiles, HostProcesses, ReadableFile, WritableFile } from "../core/host.ts";
import { type FileVerb, fileError, fileTruncated } from "./node-errors.ts";

/** The local file system through synchronous node:fs; every failure is an ExternalError that names the path. */
export class NodeFiles implements HostFiles {
  readonly #processes: HostProcesses;
  /** Temporary directories that are there, with what cancels their removal at exit. */
  readonly #temporary = new Map<string, () => void>();
  readonly behind: FilesBehind = {
    write: (path, parts) => namingLater("written", path, () => writeBehind(path, parts)),
    rename: (from, to) => namingLater("renamed", from, () => rename(from, to)),
    remove: (path) => namingLater("removed", path, () => removeBehind(path)),
    syncDirectory: (path) => namingLater("synced", path, () => syncDirectoryBehind(path)),
  };

  constructor(processes: HostProcesses) {
    this.#processes = processes;
  }

  stat(path: string): FileInfo | undefined {
    return naming("examined", path, () => {
      let stats: fs.BigIntStats | undefined;
      try {
        stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
      } catch (error) {
        if (!isBelowFile(error)) throw error;
      }
      if (stats === undefined) return undefined;
      return {
        path,
        sizeBytes: Number(stats.size),
        isDirectory: stats.isDirectory(),
        version: `${stats.mtimeNs}-${stats.size}`,
        modifiedMs: Number(stats.mtimeNs) / 1e6,
      };
    });
  }

  list(path: string): string[] {
    // Sorted by code unit, so that the order of splits does not depend on a locale.
    return naming("listed", path, () => fs.readdirSync(path).sort());
  }

  openRead(path: string): ReadableFile {
    return naming("read", path, () => new NodeReadableFile(path));
  }

  openWrite(path: string, options: { readonly exclusive?: boolean } = {}): WritableFile {
    return naming("written", path, () => new NodeWritableFile(path, options.exclusive === true ? "wx" : "w"));
  }

  rename(from: string, to: string): void {
    naming("renamed", from, () => fs.renameSync(from, to));
  }

  remove(path: string): void {
    this.#temporary.get(path)?.();
    this.#temporary.delete(path);
    naming("removed", path, () => {
      try {
        fs.rmSync(path, { recursive: true, force: true });
      } catch (error) {
        if (!isBelowFile(error)) throw error;
      }
    });
  }

  makeDirectory(path: string): void {
    naming("created", path, () => makeDirectories(path));
  }

  syncDirectory(path: string): void {
    naming("synced", path, () => {
      // Windows opens no directories, and its renames are durable without this.
      if (process.platform === "win32") return;
      const descriptor = fs.openSync(path, "r");
      try {
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  makeTemporaryDirectory(prefix: string, parent?: string): string {
    if (parent !== undefined) this.makeDirectory(parent);
    const start = join(parent ?? tmpdir(), `${prefix}${this.#processes.token}-`);
    const path = naming("created", start, () => fs.mkdtempSync(start));
    this.#temporary.set(
      path,
      this.#processes.onExit(() => this.remove(path)),
    );
    return path;
  }

  removeAbandonedDirectories(prefix: string, parent: string = tmpdir()): void {
    // Nothing depends on it: what another user left, or another process is removing as well, stays to others.
    for (const name of attempt(() => fs.readdirSync(parent)) ?? []) {
      const token = name.startsWith(prefix) ? name.slice(prefix.length, name.lastIndexOf("-")) : "";
      if (this.#processes.isDead(token)) {
        attempt(() => fs.rmSync(join(parent, name), { recursive: true, force: true }));
      }
    }
  }
}

class NodeReadableFile implements ReadableFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #descriptor: number;
  #isOpen = true;

  constructor(path: string) {
    this.path = path;
    this.#descriptor = fs.openSync(path, "r");
    const stats = fs.fstatSync(this.#descriptor);
    if (stats.isDirectory()) {
      this.close();
      throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
    }
    this.sizeBytes = stats.size;
  }

  readInto(target: Uint8Array, position: number): void {
    naming("read", this.path, () => {
      let done = 0;
      while (done < target.length) {
        // One call may return less than asked: a signal, or the kernel's limit of 2 GiB per read.
        const count = fs.readSync(this.#descriptor, target, done, target.length - done, position + done);
        if (count === 0) throw fileTruncated(this.path, position, target.length, position + done);
        done += count;
      }
    });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    fs.closeSync(this.#descriptor);
  }
}

class NodeWritableFile implements WritableFile {
  readonly path: string;
  readonly #descriptor: number;
  #isOpen = true;

  constructor(path: string, flags: "w" | "wx") {
    this.path = path;
    this.#descriptor = fs.openSync(path, flags);
  }

  write(bytes: Uint8Array): void {
    naming("written", this.path, () => {
      let done = 0;
      while (done < bytes.length) done += fs.writeSync(this.#descriptor, bytes, done, bytes.length - done);
    });
  }

  sync(): void {
    naming("synced", this.path, () => fs.fsyncSync(this.#descriptor));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // A network file system may report a failed write only here.
    naming("written", this.path, () => fs.closeSync(this.#descriptor));
  }
}

async function writeBehind(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const bytes of parts) {
      let done = 0;
      while (done < bytes.length) done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function removeBehind(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!isBelowFile(error)) throw error;
  }
}

async function syncDirectoryBehind(path: string): Promise<void> {
  // Windows opens no directories, and its renames are durable without this.
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What a call gives, or undefined where it fails. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** "file.txt/x": nothing can exist there. */
const isBelowFile = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOTDIR";

/** Not with `recursive` of mkdir: it never returns where a directory exists but answers ENOENT, such as /proc. */
function makeDirectories(path: string): void {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const there = fs.statSync(path, { throwIfNoEntry: false });
    if (there?.isDirectory()) return;
    if (there !== undefined) throw Object.assign(new Error("is a file"), { code: "ENOTDIR" });
    const parent = dirname(path);
    if (code !== "ENOENT" || fs.existsSync(parent)) throw error;
    makeDirectories(parent);
    makeDirectories(path);
  }
}

async function namingLater(verb: FileVerb, path: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw fileError(error, verb, path);
  }
}

function naming<T>(verb: FileVerb, path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw fileError(error, verb, path);
  }
}
