import { ExternalError, PlanError } from "../../core/errors.ts";
import type { Host, HostFiles } from "../../core/host.ts";
import type { Committable } from "../../core/sink.ts";
import { localPath } from "../files/paths.ts";

/** A part that is closed and synced; both paths are relative to the target. */
export interface FinishedPart {
  readonly from: string;
  readonly to: string;
}

const letters = (text: string): string => text.replace(/[^A-Za-z0-9]/g, "");

/**
 * Where parts of a stream are written and how they become visible.
 * Each attempt of a job has a hidden directory of its own in the target, `.<prefix>-<process>-<lineage>-<attempt>`; a
 * part becomes visible by a rename out of it. The lineage is the first attempt, and stays through restores: whoever is
 * restored removes what dead attempts of its own lineage left, and nothing of anybody else.
 */
export class PartFiles {
  readonly path: string;
  readonly prefix: string;
  readonly #files: HostFiles;
  readonly #processes: Host["processes"];
  /** Directories whose names are on stable storage. */
  readonly #durable = new Set<string>();

  constructor(host: Pick<Host, "files" | "processes">, path: string, prefix: string) {
    if (typeof path !== "string" || path === "") {
      throw new PlanError("PATH_INVALID", "No path to write to is given.", "Give the path of a directory.");
    }
    if (letters(prefix) !== prefix || prefix === "") {
      throw new PlanError(
        "OPTION_INVALID",
        `The prefix of files is ${JSON.stringify(prefix)}.`,
        "It is made of letters and digits.",
      );
    }
    this.path = localPath(path);
    this.prefix = prefix;
    this.#files = host.files;
    this.#processes = host.processes;
  }

  /** @throws {PlanError} TARGET_EXISTS where a file has the name of the directory. */
  begin(): void {
    if (this.#files.stat(this.path)?.isDirectory === false) {
      throw new PlanError("TARGET_EXISTS", `"${this.path}" is a file.`, "Choose another path for the directory.");
    }
  }

  attempt(jobId: string): string {
    return letters(jobId);
  }

  hiddenDirectory(lineage: string, attempt: string): string {
    return `.${this.prefix}-${this.#processes.token}-${lineage}-${attempt}`;
  }

  /** A directory in the target, whose name, and those above it, last. */
  makeDirectory(relative: string): void {
    this.#ensure(`${this.path}/${relative}`);
  }

  /**
   * Where prepared parts are.
   * @throws {PlanError} OUTPUT_ELSEWHERE where that is not this target: what is not found here would count as moved
   */
  checkTarget({ target, parts }: PreparedParts): void {
    if (parts.length === 0) return;
    if (target === this.path && this.#files.stat(this.path) !== undefined) return;
    throw new PlanError(
      "OUTPUT_ELSEWHERE",
      `A checkpoint holds files that were written below "${target}", and they are not in "${this.path}".`,
      "Go on with the path that the job had, from the same working directory; or start it from its beginning.",
    );
  }

  /**
   * Makes parts visible, whatever an earlier try has done already. A part that is not there any more was moved: it was
   * synced, with its name, before anybody was told of it, and nothing but this takes what a checkpoint holds away.
   */
  commit(parts: readonly FinishedPart[]): void {
    const changed = new Set<string>();
    for (const { from, to } of parts) {
      const bucket = to.slice(0, Math.max(0, to.lastIndexOf("/")));
      const directory = bucket === "" ? this.path : `${this.path}/${bucket}`;
      if (this.#files.stat(`${this.path}/${from}`) !== undefined) {
        if (bucket !== "") this.makeDirectory(bucket);
        this.#files.rename(`${this.path}/${from}`, `${this.path}/${to}`);
      }
      // Also behind an earlier try, which may have failed before this.
      if (this.#files.stat(directory) !== undefined) changed.add(directory);
    }
    for (const directory of changed) this.#files.syncDirectory(directory);
  }

  /** Removes what an attempt of this process did not finish, but for `kept`. */
  abort(attempt: string, kept: readonly FinishedPart[]): void {
    const spared = new Set(kept.map(({ from }) => from));
    for (const { name, parts } of this.#hiddenDirectories()) {
      if (parts[1] !== this.#processes.token || parts[3] !== attempt) continue;
      let left = 0;
      for (const file of this.#files.list(`${this.path}/${name}`)) {
        if (spared.has(`${name}/${file}`)) left++;
        else this.#files.remove(`${this.path}/${name}/${file}`);
      }
      if (left === 0) this.removeHidden(name);
    }
  }

  /** Removes what dead attempts of a lineage left; what checkpoints held of it has been committed. */
  removeLeftovers(lineage: string): void {
    for (const { name, parts } of this.#hiddenDirectories()) {
      if (parts[2] === lineage && this.#processes.isDead(parts[1])) this.removeHidden(name);
    }
  }

  removeHidden(name: string): void {
    this.#files.remove(`${this.path}/${name}`);
  }

  #hiddenDirectories(): { name: string; parts: string[] }[] {
    if (this.#files.stat(this.path)?.isDirectory !== true) return [];
    return this.#files
      .list(this.path)
      .filter((name) => name.startsWith(`.${this.prefix}-`))
      .map((name) => ({ name, parts: name.slice(1).split("-") }))
      .filter(({ parts }) => parts.length === 4);
  }

  /** Synced once also where it is there already: whoever made it may have died before. */
  #ensure(directory: string): void {
    const isThere = this.#files.stat(directory) !== undefined;
    if (isThere && this.#durable.has(directory)) return;
    const slash = directory.lastIndexOf("/");
    if (slash === directory.length - 1) return; // the root
    const parent = slash < 0 ? "." : directory.slice(0, slash) || "/";
    if (parent !== ".") this.#ensure(parent);
    if (!isThere) this.#files.makeDirectory(directory);
    try {
      this.#files.syncDirectory(parent);
    } catch (error) {
      // A directory far above may not be ours to open.
      if (!isThere || !(error instanceof ExternalError) || error.code !== "FILE_ACCESS_DENIED") throw error;
    }
    this.#durable.add(directory);
  }
}

/** What one writer prepared: parts, and the hidden directory that goes at the end, both in a target. */
export interface PreparedParts {
  readonly target: string;
  readonly directory: string;
  readonly parts: readonly FinishedPart[];
}

export const asCommittable = ({ target, directory, parts }: PreparedParts): Committable => ({
  target,
  directory,
  parts: parts.map(({ from, to }) => ({ from, to })),
});

export const preparedParts = (committables: readonly Committable[]): PreparedParts[] =>
  committables as unknown as PreparedParts[];
