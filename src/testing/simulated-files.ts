import { filesBehind } from "../core/files-behind.ts";
import type { FileInfo, FilesBehind, HostFiles, HostProcesses, ReadableFile, WritableFile } from "../core/host.ts";
import { type FileVerb, fileError, fileTruncated } from "../host/node-errors.ts";
import type { DecisionTape } from "./decision-tape.ts";
import type { DirectoryNode, DiskNode, FileNode } from "./disk-node.ts";
import { findNode, findPlace, type Place, pathParts, systemError } from "./disk-paths.ts";
import type { Fault, FaultKind } from "./fault-plan.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/**
 * Tells of an event of the disk before it takes effect. Throws where the machine is down or goes down now; otherwise
 * gives the fault that strikes, one of `possible`.
 */
export type OnDiskEvent = (label: string, path: string, possible: readonly FaultKind[]) => Fault | undefined;

/**
 * A machine's files on a simulated disk, with the errors of the real ones.
 * Events, for faults and counters: disk.stat, disk.list, disk.open-read, disk.read, disk.open-write, disk.write,
 * disk.sync, disk.rename, disk.remove, disk.make-directory, disk.sync-directory.
 */
export class SimulatedFiles implements HostFiles {
  readonly behind: FilesBehind;
  readonly #disk: SimulatedDisk;
  readonly #tape: DecisionTape;
  readonly #processes: HostProcesses;
  readonly #onEvent: OnDiskEvent;
  readonly #nowMs: () => number;
  /** Temporary directories that are there, with what cancels their removal at exit. */
  readonly #temporary = new Map<string, () => void>();

  constructor(
    disk: SimulatedDisk,
    tape: DecisionTape,
    processes: HostProcesses,
    onEvent: OnDiskEvent,
    nowMs: () => number = () => 0,
    turn: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.behind = filesBehind(this, turn);
    this.#nowMs = nowMs;
    this.#disk = disk;
    this.#tape = tape;
    this.#processes = processes;
    this.#onEvent = onEvent;
  }

  stat(path: string): FileInfo | undefined {
    return this.#do("stat", "examined", path, () => {
      const node = this.#find(path);
      if (node === undefined) return undefined;
      if (node.kind === "directory") return { path, sizeBytes: 0, isDirectory: true, version: `${node.id}` };
      const { sizeBytes, version } = node.content;
      const { modifiedMs = 0 } = node;
      return { path, sizeBytes, isDirectory: false, version: `${node.id}-${version}-${sizeBytes}`, modifiedMs };
    });
  }

  list(path: string): string[] {
    return this.#do("list", "listed", path, () => {
      const node = findNode(this.#disk.root, path);
      if (node.kind !== "directory") throw systemError("ENOTDIR", "not a directory");
      return [...node.entries.keys()].sort();
    });
  }

  openRead(path: string): ReadableFile {
    return this.#do("open-read", "read", path, () => {
      const node = findNode(this.#disk.root, path);
      if (node.kind === "directory") throw systemError("EISDIR", "is a directory");
      return new OpenForReading(path, node, (run) => this.#do("read", "read", path, run, READ_FAULTS), this.#tape);
    });
  }

  openWrite(path: string, { exclusive = false }: { readonly exclusive?: boolean } = {}): WritableFile {
    return this.#do("open-write", "written", path, () => {
      const place = this.#place(path);
      if (exclusive && place.node !== undefined) throw systemError("EEXIST", "file already exists");
      if (place.node?.kind === "directory" || path.endsWith("/")) throw systemError("EISDIR", "is a directory");
      let file = place.node;
      if (file === undefined) {
        file = this.#disk.newFile();
        this.#disk.change([{ ...place, node: file }]);
      } else this.#disk.truncate(file);
      const opened = file;
      opened.modifiedMs = this.#nowMs();
      return new OpenForWriting(path, file, this.#disk, {
        write: (run) => {
          this.#do("write", "written", path, run, WRITE_FAULTS);
          opened.modifiedMs = this.#nowMs();
        },
        sync: (run) => this.#do("sync", "synced", path, run, SYNC_FAULTS),
      });
    });
  }

  rename(from: string, to: string): void {
    this.#do("rename", "renamed", from, () => {
      const source = this.#place(from);
      const target = this.#place(to);
      const { node } = source;
      if (node === undefined) throw systemError("ENOENT", "no such file or directory");
      if (target.node === node) return;
      if (node.kind === "directory") {
        if (isInside(from, to)) throw systemError("EINVAL", "a directory cannot be moved into itself");
        if (target.node?.kind === "file") throw systemError("ENOTDIR", "not a directory");
        if ((target.node?.entries.size ?? 0) > 0) throw systemError("ENOTEMPTY", "directory not empty");
      } else if (target.node?.kind === "directory") throw systemError("EISDIR", "is a directory");
      this.#disk.change([
        { ...source, node: undefined },
        { ...target, node },
      ]);
    });
  }

  remove(path: string): void {
    this.#temporary.get(path)?.();
    this.#temporary.delete(path);
    this.#do("remove", "removed", path, () => {
      if (this.#find(path) === undefined) return;
      this.#removeTree(this.#place(path));
    });
  }

  makeDirectory(path: string): void {
    this.#do("make-directory", "created", path, () => {
      if (path === "") throw systemError("ENOENT", "no such file or directory");
      let parent: DirectoryNode = this.#disk.root;
      for (const name of pathParts(path)) {
        let child = parent.entries.get(name);
        if (child?.kind === "file") throw systemError("ENOTDIR", "is a file");
        if (child === undefined) {
          child = this.#disk.newDirectory();
          this.#disk.change([{ directory: parent, name, node: child }]);
        }
        parent = child;
      }
    });
  }

  syncDirectory(path: string): void {
    this.#do("sync-directory", "synced", path, () => {
      const node = findNode(this.#disk.root, path);
      if (node.kind === "directory") this.#disk.syncDirectory(node);
      else this.#disk.sync(node);
    });
  }

  makeTemporaryDirectory(prefix: string, parent = "/tmp"): string {
    if (parent !== "/tmp") this.makeDirectory(parent);
    const start = `${parent}/${prefix}${this.#processes.token}-`;
    return this.#do("make-directory", "created", start, () => {
      for (let number = 0; ; number++) {
        const path = start + number.toString(36).padStart(6, "0");
        const place = this.#place(path);
        if (place.node !== undefined) continue;
        this.#disk.change([{ ...place, node: this.#disk.newDirectory() }]);
        this.#temporary.set(
          path,
          this.#processes.onExit(() => this.remove(path)),
        );
        return path;
      }
    });
  }

  removeAbandonedDirectories(prefix: string, parent = "/tmp"): void {
    this.#do("remove", "removed", `${parent}/${prefix}`, () => {
      const temporary = this.#find(parent);
      if (temporary?.kind !== "directory") return;
      for (const name of [...temporary.entries.keys()]) {
        const token = name.startsWith(prefix) ? name.slice(prefix.length, name.lastIndexOf("-")) : "";
        if (this.#processes.isDead(token)) this.#removeTree(this.#place(`${parent}/${name}`));
      }
    });
  }

  #do<T>(
    event: string,
    verb: FileVerb,
    path: string,
    run: (fault: Fault | undefined) => T,
    possible: readonly FaultKind[] = ANY_FAULTS,
  ): T {
    const fault = this.#onEvent(`disk.${event}`, path, possible);
    try {
      if (fault?.kind === "io-error") throw systemError("EIO", "i/o error");
      return run(fault);
    } catch (error) {
      throw fileError(error, verb, path);
    }
  }

  #find(path: string): DiskNode | undefined {
    try {
      return findNode(this.#disk.root, path);
    } catch {
      return undefined; // nothing there, or below a file
    }
  }

  #place(path: string): Place {
    return findPlace(this.#disk.root, path);
  }

  /** From the leaves up, as the system calls do it: a crash may leave a part. */
  #removeTree({ directory, name, node }: Place): void {
    if (node?.kind === "directory") {
      for (const [child, childNode] of [...node.entries]) {
        this.#removeTree({ directory: node, name: child, node: childNode });
      }
    }
    this.#disk.change([{ directory, name, node: undefined }]);
  }
}

const ANY_FAULTS: readonly FaultKind[] = ["io-error"];
const READ_FAULTS: readonly FaultKind[] = ["io-error", "bit-flip"];
const WRITE_FAULTS: readonly FaultKind[] = ["io-error", "disk-full"];
const SYNC_FAULTS: readonly FaultKind[] = ["io-error", "sync-lost"];

/** Does an operation on an open file, with the fault that strikes it. */
type Operation = (run: (fault: Fault | undefined) => void) => void;

class OpenForReading implements ReadableFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #file: FileNode;
  readonly #read: Operation;
  readonly #tape: DecisionTape;
  #isOpen = true;

  constructor(path: string, file: FileNode, read: Operation, tape: DecisionTape) {
    this.path = path;
    this.sizeBytes = file.content.sizeBytes;
    this.#file = file;
    this.#read = read;
    this.#tape = tape;
  }

  readInto(target: Uint8Array, position: number): void {
    this.#read((fault) => {
      if (!this.#isOpen) throw systemError("EBADF", "bad file descriptor, read");
      const count = this.#file.content.read(target, position);
      if (count < target.length) throw fileTruncated(this.path, position, target.length, position + count);
      if (fault?.kind !== "bit-flip" || count === 0) return;
      const bit = fault.amount === undefined ? this.#tape.choose(count * 8) : fault.amount % (count * 8);
      target[bit >> 3] ^= 1 << (bit & 7);
    });
  }

  close(): void {
    this.#isOpen = false;
  }
}

class OpenForWriting implements WritableFile {
  readonly path: string;
  readonly #file: FileNode;
  readonly #disk: SimulatedDisk;
  readonly #operations: { readonly write: Operation; readonly sync: Operation };
  #position = 0;
  #isOpen = true;

  constructor(
    path: string,
    file: FileNode,
    disk: SimulatedDisk,
    operations: { readonly write: Operation; readonly sync: Operation },
  ) {
    this.path = path;
    this.#file = file;
    this.#disk = disk;
    this.#operations = operations;
  }

  write(bytes: Uint8Array): void {
    this.#operations.write((fault) => {
      this.#checkOpen("write");
      const room = fault?.kind === "disk-full" ? (fault.amount ?? 0) : this.#room();
      const fitting = Math.min(bytes.length, room);
      this.#disk.write(this.#file, bytes.subarray(0, fitting), this.#position);
      this.#position += fitting;
      if (fitting < bytes.length) throw systemError("ENOSPC", "no space left on device, write");
    });
  }

  sync(): void {
    this.#operations.sync((fault) => {
      this.#checkOpen("fsync");
      if (fault?.kind === "sync-lost") {
        this.#disk.loseSync(this.#file);
        throw systemError("EIO", "i/o error, fsync");
      }
      this.#disk.sync(this.#file);
    });
  }

  close(): void {
    this.#isOpen = false;
  }

  #room(): number {
    const { capacityBytes } = this.#disk;
    // Summing up all files costs too much for each write to a disk without limit.
    return capacityBytes === Number.POSITIVE_INFINITY
      ? capacityBytes
      : Math.max(0, capacityBytes - this.#disk.usedBytes());
  }

  #checkOpen(call: string): void {
    if (!this.#isOpen) throw systemError("EBADF", `bad file descriptor, ${call}`);
  }
}

function isInside(directory: string, path: string): boolean {
  const above = pathParts(directory);
  const parts = pathParts(path);
  return parts.length > above.length && above.every((part, i) => parts[i] === part);
}
