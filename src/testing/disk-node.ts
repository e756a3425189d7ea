import type { StoredBytes } from "./stored-bytes.ts";

export interface FileNode {
  readonly kind: "file";
  readonly id: number;
  readonly content: StoredBytes;
  /** What the wall clock showed when it was last written. */
  modifiedMs?: number;
}

export interface DirectoryNode {
  readonly kind: "directory";
  readonly id: number;
  /** What programs see. */
  readonly entries: Map<string, DiskNode>;
  /** What a crash is sure to leave. */
  readonly durable: Map<string, DiskNode>;
}

export type DiskNode = FileNode | DirectoryNode;
