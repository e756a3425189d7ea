import type { DirectoryNode, DiskNode } from "./disk-node.ts";

/** The parts of a path below the root; relative paths start there too. "a/../b" is "b": the disk has no links. */
export function pathParts(path: string): readonly string[] {
  let parts = known.get(path);
  if (parts === undefined) {
    parts = partsOf(path);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(path, parts);
  }
  return parts;
}

/** The same few paths are asked for again and again. */
const known = new Map<string, readonly string[]>();
const MOST_KNOWN = 10_000;

function partsOf(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

/** A place for a name: the directory that holds it, and what stands there now. */
export interface Place {
  readonly directory: DirectoryNode;
  readonly name: string;
  readonly node: DiskNode | undefined;
}

/** What stands at a path; fails as the system calls do, with the code ENOENT or ENOTDIR. */
export function findNode(root: DirectoryNode, path: string): DiskNode {
  if (path === "") throw systemError("ENOENT", "no such file or directory");
  const node = pathParts(path).reduce<DiskNode>((parent, name) => childOf(parent, name), root);
  if (node.kind === "file" && path.endsWith("/")) throw systemError("ENOTDIR", "not a directory");
  return node;
}

/** Where a path would be created: everything above its last part has to exist. */
export function findPlace(root: DirectoryNode, path: string): Place {
  const parts = pathParts(path);
  const name = parts.at(-1);
  if (path === "") throw systemError("ENOENT", "no such file or directory");
  if (name === undefined) throw systemError("EBUSY", "the root of the disk stays as it is");
  const directory = parts.slice(0, -1).reduce<DiskNode>((parent, part) => childOf(parent, part), root);
  if (directory.kind !== "directory") throw systemError("ENOTDIR", "not a directory");
  return { directory, name, node: directory.entries.get(name) };
}

/** An error as node:fs throws it. */
export const systemError = (code: string, text: string): Error =>
  Object.assign(new Error(`${code}: ${text}`), { code });

function childOf(parent: DiskNode, name: string): DiskNode {
  if (parent.kind !== "directory") throw systemError("ENOTDIR", "not a directory");
  const node = parent.entries.get(name);
  if (node === undefined) throw systemError("ENOENT", "no such file or directory");
  return node;
}
