import { ExternalError, PlanError } from "../../core/errors.ts";
import type { Host, HostFiles, HostProcesses } from "../../core/host.ts";
import type { Committable } from "../../core/sink.ts";
import { localPath } from "./paths.ts";

/** What to do where the target exists: fail unless it is empty, replace it, or add files to its directory. */
export type Overwrite = "error" | "overwrite" | "append";

/** Files that one writer finished, relative to the job's hidden directory and to the target. */
export interface FinishedFile {
  readonly from: string;
  readonly to: string;
}

/**
 * Where a job's files go, and how they become visible.
 * Writers write into a hidden directory beside the target, on the same file system; commit renames:
 * - a single file: over the target, atomically;
 * - a directory: the hidden directory becomes the target, atomically where nothing was there. With "overwrite" the old
 *   directory is renamed away first and removed afterwards: between the two renames the target does not exist, and a
 *   crash there leaves both under hidden names until the commit is tried again, or the next job puts the old one back;
 * - "append": file by file into the existing directory, under names that hold the job's id.
 * Every rename is followed by a sync of the directory. Commit and abort may be repeated.
 * Hidden names hold the process's token: the next job to this path removes what dead processes left.
 */
export class FileTarget {
  readonly path: string;
  readonly isSingleFile: boolean;
  readonly overwrite: Overwrite;
  readonly #files: HostFiles;
  readonly #processes: HostProcesses;
  readonly #parent: string;
  readonly #name: string;
  #stopWatching: () => void = () => undefined;

  /** A target whose path ends with one of `extensions` is a single file. */
  constructor(
    host: Pick<Host, "files" | "processes">,
    path: string,
    overwrite: Overwrite,
    extensions: readonly string[],
  ) {
    if (typeof path !== "string" || path === "") {
      throw new PlanError("PATH_INVALID", "No path to write to is given.", "Give the path of a file or directory.");
    }
    if (!["error", "overwrite", "append"].includes(overwrite)) {
      throw new PlanError(
        "OPTION_INVALID",
        `overwrite is ${JSON.stringify(overwrite)}.`,
        'It is "error", "overwrite" or "append".',
      );
    }
    this.#files = host.files;
    this.#processes = host.processes;
    this.path = localPath(path);
    this.overwrite = overwrite;
    const slash = this.path.lastIndexOf("/");
    this.#parent = slash < 0 ? "." : slash === 0 ? "/" : this.path.slice(0, slash);
    this.#name = this.path.slice(slash + 1);
    if (this.#name === "" || this.#name === "." || this.#name === "..") {
      throw new PlanError("PATH_INVALID", `"${path}" cannot be replaced by output.`, "Give a name below it.");
    }
    this.isSingleFile = !path.endsWith("/") && extensions.some((extension) => this.#name.endsWith(extension));
    if (this.isSingleFile && overwrite === "append") {
      throw new PlanError(
        "APPEND_TO_FILE",
        `"${path}" is a single file, which cannot be appended to.`,
        "Write to a directory, or choose another overwrite policy.",
      );
    }
  }

  /** Refuses a target that exists, and makes the hidden directory. */
  begin(jobId: string): void {
    this.#cleanUpBehindTheDead();
    this.#refuseExisting();
    this.#files.makeDirectory(this.#parent);
    this.#files.remove(this.hiddenDirectory(jobId));
    this.#files.makeDirectory(this.hiddenDirectory(jobId));
    this.#stopWatching = this.#processes.onExit(() => this.#files.remove(this.hiddenDirectory(jobId)));
  }

  hiddenDirectory(jobId: string): string {
    return this.#beside(`${this.#hiddenName("writing")}${this.#processes.token}-${safeId(jobId)}`);
  }

  commit(jobId: string, finished: readonly FinishedFile[]): void {
    this.#stopWatching();
    const hidden = this.hiddenDirectory(jobId);
    if (this.#files.stat(hidden) === undefined) {
      this.#removeReplaced(jobId);
      return; // committed before
    }
    if (this.isSingleFile) this.#commitFile(hidden, finished);
    else if (this.overwrite === "append" && this.#files.stat(this.path) !== undefined) {
      this.#commitInto(hidden, finished);
    } else this.#commitDirectory(jobId, hidden, finished);
  }

  /** Removes what was not committed. */
  abort(jobId: string): void {
    this.#stopWatching();
    this.#files.remove(this.hiddenDirectory(jobId));
  }

  #commitFile(hidden: string, finished: readonly FinishedFile[]): void {
    const [file] = finished;
    if (file !== undefined && this.#files.stat(`${hidden}/${file.from}`) !== undefined) {
      this.#refuseExisting();
      this.#files.rename(`${hidden}/${file.from}`, this.path);
      this.#files.syncDirectory(this.#parent);
    }
    this.#files.remove(hidden);
  }

  #commitInto(hidden: string, finished: readonly FinishedFile[]): void {
    const directories = new Set<string>([this.path]);
    for (const { from, to } of finished) {
      if (this.#files.stat(`${hidden}/${from}`) === undefined) continue; // moved by an earlier try
      const directory = this.#makeDirectories(this.path, to, directories);
      this.#files.rename(`${hidden}/${from}`, `${this.path}/${to}`);
      directories.add(directory);
    }
    for (const directory of directories) this.#files.syncDirectory(directory);
    this.#files.remove(hidden);
  }

  #commitDirectory(jobId: string, hidden: string, finished: readonly FinishedFile[]): void {
    // Only what writers reported becomes visible: a writer that was tried again leaves files of its first try.
    const ready = `${hidden}/ready`;
    const isLeft = (path: string) => this.#files.stat(path) !== undefined;
    if (finished.length > 0 && !isLeft(ready) && !finished.some(({ from }) => isLeft(`${hidden}/${from}`))) {
      // An earlier try moved everything, and was interrupted before it cleaned up.
      this.#files.remove(hidden);
      this.#removeReplaced(jobId);
      return;
    }
    const directories = new Set<string>([ready]);
    this.#files.makeDirectory(ready);
    for (const { from, to } of finished) {
      if (this.#files.stat(`${hidden}/${from}`) === undefined) continue;
      directories.add(this.#makeDirectories(ready, to, directories));
      this.#files.rename(`${hidden}/${from}`, `${ready}/${to}`);
    }
    for (const directory of directories) this.#files.syncDirectory(directory);
    this.#refuseExisting();
    if (this.#files.stat(this.path) !== undefined) this.#files.rename(this.path, this.#replaced(jobId));
    this.#files.rename(ready, this.path);
    this.#files.syncDirectory(this.#parent);
    this.#files.remove(hidden);
    this.#removeReplaced(jobId);
  }

  #replaced(jobId: string): string {
    return this.#beside(`${this.#hiddenName("replaced")}${this.#processes.token}-${safeId(jobId)}`);
  }

  #hiddenName(what: "writing" | "replaced"): string {
    return `.${this.#name}.${what}-`;
  }

  /** What killed processes could not finish. Where one died between the two renames, the old output comes back. */
  #cleanUpBehindTheDead(): void {
    for (const what of ["replaced", "writing"] as const) {
      for (const path of this.#leftByTheDead(what)) {
        if (what === "replaced" && this.#files.stat(this.path) === undefined) {
          this.#files.rename(path, this.path);
          this.#files.syncDirectory(this.#parent);
        } else unlessDenied(() => this.#files.remove(path));
      }
    }
  }

  #leftByTheDead(what: "writing" | "replaced"): string[] {
    if (this.#files.stat(this.#parent)?.isDirectory !== true) return [];
    const start = this.#hiddenName(what);
    const names = unlessDenied(() => this.#files.list(this.#parent)) ?? [];
    return names
      .filter((name) => name.startsWith(start) && this.#processes.isDead(name.slice(start.length).split("-", 1)[0]))
      .map((name) => this.#beside(name));
  }

  #removeReplaced(jobId: string): void {
    this.#files.remove(this.#replaced(jobId));
  }

  /** Makes the directories of `to` below `base`; every directory whose entries change goes into `changed`. */
  #makeDirectories(base: string, to: string, changed: Set<string>): string {
    let directory = base;
    for (const part of to.split("/").slice(0, -1)) {
      directory += `/${part}`;
      changed.add(directory);
    }
    if (directory !== base) this.#files.makeDirectory(directory);
    return directory;
  }

  #refuseExisting(): void {
    const info = this.#files.stat(this.path);
    if (info === undefined) return;
    if (this.isSingleFile && info.isDirectory) {
      throw new PlanError("TARGET_EXISTS", `"${this.path}" is a directory.`, "Choose another path for the file.");
    }
    if (!this.isSingleFile && !info.isDirectory && this.overwrite !== "overwrite") {
      throw new PlanError("TARGET_EXISTS", `"${this.path}" is a file.`, "Choose another path for the directory.");
    }
    if (this.overwrite !== "error") return;
    if (info.isDirectory && this.#files.list(this.path).length === 0) return;
    throw new PlanError(
      "TARGET_EXISTS",
      `"${this.path}" exists and is not empty.`,
      'Choose another path, or set overwrite to "overwrite" or "append".',
    );
  }

  #beside(name: string): string {
    return this.#parent === "/" ? `/${name}` : `${this.#parent}/${name}`;
  }
}

/** Undefined where permission is denied: a directory that can only be written to, or what another user left. */
function unlessDenied<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof ExternalError && error.code === "FILE_ACCESS_DENIED") return undefined;
    throw error;
  }
}

/** A job's id as part of a file name. */
export const safeId = (jobId: string): string => jobId.replace(/[^A-Za-z0-9_-]/g, "-");

export const asCommittable = (files: readonly FinishedFile[]): Committable =>
  files.map(({ from, to }) => ({ from, to }));

export const finishedFiles = (committables: readonly Committable[]): FinishedFile[] =>
  committables.flatMap((committable) => committable as unknown as FinishedFile[]);
