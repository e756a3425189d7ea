import { filesBehind } from "../../src/core/files-behind.ts";
import type { FileInfo, HostFiles, ReadableFile, WritableFile } from "../../src/core/host.ts";

/** Files in memory, with faults that a test sets. Paths are plain keys; directories exist by being named. */
export class MemoryFiles implements HostFiles {
  readonly contents = new Map<string, Buffer[]>();
  openHandles = 0;
  /** The next writes fail with this error code once `writableBytes` bytes are written. */
  writableBytes = Number.POSITIVE_INFINITY;
  failWith = "ENOSPC";
  /** Reads fail with EIO. */
  readsFail = false;
  #directories = 0;
  readonly behind = filesBehind(this, () => Promise.resolve());

  stat(path: string): FileInfo | undefined {
    const parts = this.contents.get(path);
    if (parts === undefined) return undefined;
    const sizeBytes = Buffer.concat(parts).length;
    return { path, sizeBytes, isDirectory: false, version: String(sizeBytes) };
  }

  list(path: string): string[] {
    return [...this.contents.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1))
      .sort();
  }

  openRead(path: string): ReadableFile {
    const parts = this.contents.get(path);
    if (parts === undefined) throw fault("ENOENT", path);
    // What is written later is seen too.
    const joined = (): Buffer => {
      if (parts.length !== 1) parts.splice(0, parts.length, Buffer.concat(parts));
      return parts[0];
    };
    this.openHandles++;
    return {
      path,
      sizeBytes: joined().length,
      readInto: (target, position) => {
        if (this.readsFail) throw fault("EIO", path);
        const bytes = joined();
        if (position + target.length > bytes.length) throw fault("FILE_TRUNCATED", path);
        target.set(bytes.subarray(position, position + target.length));
      },
      close: () => {
        this.openHandles--;
      },
    };
  }

  openWrite(path: string): WritableFile {
    const parts: Buffer[] = [];
    this.contents.set(path, parts);
    this.openHandles++;
    return {
      path,
      write: (bytes) => {
        this.writableBytes -= bytes.length;
        if (this.writableBytes < 0) throw fault(this.failWith, path);
        parts.push(Buffer.from(bytes));
      },
      sync: () => {},
      close: () => {
        this.openHandles--;
      },
    };
  }

  rename(from: string, to: string): void {
    const parts = this.contents.get(from);
    if (parts === undefined) throw fault("ENOENT", from);
    this.contents.delete(from);
    this.contents.set(to, parts);
  }

  remove(path: string): void {
    for (const name of this.contents.keys()) {
      if (name === path || name.startsWith(`${path}/`)) this.contents.delete(name);
    }
  }

  makeDirectory(): void {}
  syncDirectory(): void {}

  makeTemporaryDirectory(prefix: string): string {
    return `/tmp/${prefix}${this.#directories++}`;
  }

  removeAbandonedDirectories(): void {}
}

const fault = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });
