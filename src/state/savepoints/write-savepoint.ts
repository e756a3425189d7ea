import { assert, PlanError } from "../../core/errors.ts";
import type { HostFiles } from "../../core/host.ts";
import type { JobSnapshot } from "../../core/job-snapshot.ts";
import { checksumInTurns } from "../checkpoints/checksum-in-turns.ts";
import { LocalObjects } from "../checkpoints/local-objects.ts";
import { type Checksum, encodeManifest, filesOf, hex, type Manifest, type StateFile } from "../checkpoints/manifest.ts";
import { MANIFEST, MANIFEST_COPY, StateNames, UNFINISHED } from "./savepoint-names.ts";

export interface SavepointOptions {
  readonly files: HostFiles;
  readonly checksum: Checksum;
  /** Wall clock, epoch milliseconds. */
  readonly nowMs: () => number;
  /** Lets other work of the thread come between. */
  readonly turn: () => Promise<void>;
  /** The writer's alone. */
  readonly token: string;
}

/** What a savepoint holds beside the state. */
export interface SavepointDetails {
  readonly steps?: Readonly<Record<string, string>>;
  readonly jobName?: string | undefined;
}

/** A savepoint that was written. */
export interface WrittenSavepoint {
  readonly path: string;
  /** Of all files of state. */
  readonly stateBytes: number;
}

/**
 * A directory that was taken for a savepoint: nobody else writes there. It holds a whole savepoint once `write` has
 * resolved; `discard` removes all that was written.
 */
export class SavepointTarget {
  readonly path: string;
  readonly #store: LocalObjects;
  readonly #options: SavepointOptions;
  readonly #written: string[] = [UNFINISHED];

  private constructor(path: string, store: LocalObjects, options: SavepointOptions) {
    this.path = path;
    this.#store = store;
    this.#options = options;
  }

  /**
   * @throws {PlanError} SAVEPOINT_EXISTS where something has that name, but for an empty directory
   * @throws {ExternalError} what the file system says
   */
  static async take(path: string, options: SavepointOptions): Promise<SavepointTarget> {
    const { files, nowMs, token } = options;
    const found = files.stat(path);
    if (found !== undefined && !(found.isDirectory && files.list(path).length === 0)) throw exists(path);
    const store = new LocalObjects(files, path, token, () => true);
    const about = new TextEncoder().encode(`a savepoint, begun at ${new Date(nowMs()).toISOString()}\n`);
    const target = new SavepointTarget(store.location, store, options);
    let isTaken: boolean;
    try {
      isTaken = await store.claim(UNFINISHED, about);
    } catch (thrown) {
      await target.discard();
      throw thrown;
    }
    if (!isTaken) throw exists(path);
    return target;
  }

  /** Makes it durable, the manifest last. Once the signal is aborted it fails with its reason, before that. */
  async write(
    snapshot: JobSnapshot,
    { steps, jobName }: SavepointDetails = {},
    signal?: AbortSignal,
  ): Promise<WrittenSavepoint> {
    const { checksum, nowMs, turn } = this.#options;
    const { checkpointId, maxParallelism } = snapshot;
    const names = new StateNames();
    const operators: Record<string, Record<string, Manifest["operators"][string][string]>> = Object.create(null);
    for (const [uid, { tables }] of Object.entries(snapshot.operators)) {
      operators[uid] = Object.create(null) as (typeof operators)[string];
      for (const [table, { kind, parts, changes }] of Object.entries(tables)) {
        assert(changes === undefined, "what a savepoint holds is whole");
        const files: StateFile[] = [];
        for (const [part, bytes] of parts.entries()) {
          signal?.throwIfAborted();
          const file = names.of(uid, table, part);
          await this.#put(file, bytes);
          files.push({ file, sizeBytes: bytes.length, crc32c: hex(await checksumInTurns(checksum, bytes, turn)) });
        }
        operators[uid][table] = { kind, parts: files };
      }
    }
    const takenAt = new Date(nowMs()).toISOString();
    const named = {
      ...(jobName === undefined ? {} : { jobName }),
      ...(steps === undefined ? {} : { steps }),
    };
    const isFinal = snapshot.isFinal === true;
    const manifest: Manifest = {
      kind: "savepoint",
      attempt: 0,
      checkpointId,
      takenAt,
      maxParallelism,
      isFinal,
      ...named,
      operators,
    };
    const bytes = encodeManifest(manifest, checksum);
    await this.#put(MANIFEST_COPY, bytes);
    signal?.throwIfAborted();
    await this.#put(MANIFEST, bytes);
    await this.#store.remove([UNFINISHED]);
    const stateBytes = filesOf(manifest).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { path: this.path, stateBytes };
  }

  /** What led here is what the caller has to know of: what cannot be removed stays, without a manifest. */
  async discard(): Promise<void> {
    try {
      await this.#store.remove([...this.#written].reverse());
    } catch {
      // As said.
    }
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    this.#written.push(name);
    await this.#store.put(name, [bytes]);
  }
}

const exists = (path: string): PlanError =>
  new PlanError(
    "SAVEPOINT_EXISTS",
    `"${path}" is there already, and savepoints overwrite nothing.`,
    "Give the path of a directory that does not exist, or is empty.",
  );
