import { fileError } from "../host/node-errors.ts";
import type { DecisionTape } from "./decision-tape.ts";
import type { DirectoryNode, DiskNode, FileNode } from "./disk-node.ts";
import { findNode, systemError } from "./disk-paths.ts";
import { StoredBytes } from "./stored-bytes.ts";

/** A name that begins or ceases to stand for something. */
interface EntryChange {
  readonly directory: DirectoryNode;
  readonly name: string;
  readonly node: DiskNode | undefined;
}

/** One create, rename or remove: all of its changes become durable together, or none. */
type NameChange = readonly EntryChange[];

/**
 * A disk that outlives crashes of its machine. Files and directories are nodes; names are entries of directories, and
 * become durable by themselves: by `syncDirectory`, not by a sync of the file. A crash loses, keeps or tears whatever
 * is not synced, each change by itself, as the tape decides. Nothing here fails by error of the caller: paths, open
 * files and typed errors are the business of SimulatedFiles.
 */
export class SimulatedDisk {
  /** @internal */
  readonly root: DirectoryNode;
  /** Bytes that all files together may hold; a write past it fails with DISK_FULL. */
  capacityBytes = Number.POSITIVE_INFINITY;
  readonly #tape: DecisionTape;
  #unsyncedNames: NameChange[] = [];
  /** Files with unsynced content, also those that no name stands for any more. */
  readonly #dirty = new Set<FileNode>();
  #nextId = 1;

  constructor(tape: DecisionTape) {
    this.#tape = tape;
    this.root = this.newDirectory();
    // A machine comes with this one.
    const temporary = this.newDirectory();
    this.root.entries.set("tmp", temporary);
    this.root.durable.set("tmp", temporary);
  }

  /** @internal */
  newFile(): FileNode {
    return { kind: "file", id: this.#nextId++, content: new StoredBytes() };
  }

  /** @internal */
  newDirectory(): DirectoryNode {
    return { kind: "directory", id: this.#nextId++, entries: new Map(), durable: new Map() };
  }

  /** @internal Changes names, visible at once and durable later. */
  change(changes: NameChange): void {
    for (const each of changes) applyTo(each.directory.entries, each);
    this.#unsyncedNames.push(changes);
  }

  /** @internal */
  syncDirectory(directory: DirectoryNode): void {
    const rest: NameChange[] = [];
    for (const changes of this.#unsyncedNames) {
      if (changes.some((each) => each.directory === directory)) makeDurable(changes);
      else rest.push(changes);
    }
    this.#unsyncedNames = rest;
  }

  /** @internal */
  write(file: FileNode, bytes: Uint8Array, at: number): void {
    file.content.write(bytes, at);
    this.#dirty.add(file);
  }

  /** @internal */
  truncate(file: FileNode): void {
    file.content.truncate();
    if (file.content.hasUnsynced) this.#dirty.add(file);
  }

  /** @internal */
  sync(file: FileNode): void {
    file.content.sync();
    this.#dirty.delete(file);
  }

  /** @internal A sync that fails for good: see the fault "sync-lost". */
  loseSync(file: FileNode): void {
    file.content.forgetUnsynced();
    this.#dirty.delete(file);
  }

  /** What is on stable storage of the file that has this name now: all that a crash is sure to leave of its content. */
  durableBytes(path: string): Uint8Array {
    return this.#file(path).content.durableBytes();
  }

  /** Flips one bit of a file for good, on stable storage and for its readers; bits past its end change nothing. */
  flipBit(path: string, bit: number): void {
    this.#file(path).content.flipBit(bit);
  }

  /** Bytes of all files that have a name. */
  usedBytes(): number {
    const sum = (node: DiskNode): number =>
      node.kind === "file"
        ? node.content.sizeBytes
        : [...node.entries.values()].reduce((all, each) => all + sum(each), 0);
    return sum(this.root);
  }

  /** @internal The power fails: each unsynced change of names and content is lost, kept or (content) torn by itself. */
  crash(): void {
    for (const changes of this.#unsyncedNames) if (this.#tape.choose(2) === 1) makeDurable(changes);
    this.#unsyncedNames = [];
    for (const file of this.#dirty) file.content.crash(this.#tape);
    this.#dirty.clear();
    const restore = (node: DiskNode): void => {
      if (node.kind === "file") {
        // Also where nothing is dirty: a lost sync left content that was only in memory.
        node.content.crash(this.#tape);
        return;
      }
      node.entries.clear();
      for (const [name, child] of node.durable) node.entries.set(name, child);
      for (const child of node.entries.values()) restore(child);
    };
    restore(this.root);
  }

  /** Writes everything to stable storage; for the state that a test begins with. */
  syncAll(): void {
    for (const changes of this.#unsyncedNames) makeDurable(changes);
    this.#unsyncedNames = [];
    for (const file of this.#dirty) file.content.sync();
    this.#dirty.clear();
  }

  #file(path: string): FileNode {
    try {
      const node = findNode(this.root, path);
      if (node.kind === "directory") throw systemError("EISDIR", "is a directory");
      return node;
    } catch (error) {
      throw fileError(error, "examined", path);
    }
  }
}

function makeDurable(changes: NameChange): void {
  for (const each of changes) applyTo(each.directory.durable, each);
}

function applyTo(entries: Map<string, DiskNode>, { name, node }: EntryChange): void {
  if (node === undefined) entries.delete(name);
  else entries.set(name, node);
}
