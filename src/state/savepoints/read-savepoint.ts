import { DataError, PlanError } from "../../core/errors.ts";
import type { HostFiles } from "../../core/host.ts";
import type { JobSnapshot } from "../../core/job-snapshot.ts";
import { isOneRuns } from "../checkpoints/checkpoint-names.ts";
import { LocalObjects } from "../checkpoints/local-objects.ts";
import { type Checksum, hex, type Manifest, parseManifest } from "../checkpoints/manifest.ts";
import { readStateFiles } from "../checkpoints/state-files.ts";
import { MANIFEST, MANIFEST_COPY, UNFINISHED } from "./savepoint-names.ts";

/** A savepoint, or a checkpoint that is kept in the directory of a job, as far as its manifest tells. */
export interface OpenedSavepoint {
  readonly path: string;
  readonly manifest: Manifest;
  /** Of the savepoint wherever it is copied to: the checksum of its manifest. */
  readonly id: string;
  /** All of its state, verified. @throws {DataError} CHECKPOINT_CORRUPT */
  read(): Promise<JobSnapshot>;
}

/**
 * @throws {PlanError} SAVEPOINT_NOT_FOUND
 * @throws {DataError} SAVEPOINT_INCOMPLETE, CHECKPOINT_CORRUPT, CHECKPOINT_VERSION
 */
export async function openSavepoint(files: HostFiles, path: string, checksum: Checksum): Promise<OpenedSavepoint> {
  const store = new LocalObjects(files, path, "reader", () => false);
  if (files.stat(store.location)?.isDirectory !== true) throw notFound(path);
  const { manifest, id } = await readManifest(store, checksum);
  const { kind } = manifest;
  // Files of a checkpoint lie beside its directory, since several checkpoints may have them.
  const home = kind === "savepoint" ? store : new LocalObjects(files, above(store.location), "reader", isOneRuns);
  return {
    path: store.location,
    manifest,
    id,
    read: async () => ({ ...(await readStateFiles(home, manifest, checksum)), isSavepoint: true }),
  };
}

/** Either copy, but not without the first: a savepoint whose manifest is not there was never finished. */
async function readManifest(store: LocalObjects, checksum: Checksum): Promise<{ manifest: Manifest; id: string }> {
  let failure: unknown;
  const first = await store.get(MANIFEST);
  if (first === undefined) {
    const isUnfinished = (await store.get(UNFINISHED)) !== undefined;
    const isAny = isUnfinished || (await store.get(MANIFEST_COPY)) !== undefined;
    throw isAny ? incomplete(store.location) : notFound(store.location);
  }
  for (const [name, bytes] of [
    [MANIFEST, first],
    [MANIFEST_COPY, await store.get(MANIFEST_COPY)],
  ] as const) {
    if (bytes === undefined) continue;
    try {
      return { manifest: parseManifest(bytes, checksum, `${store.location}/${name}`), id: hex(checksum(bytes)) };
    } catch (thrown) {
      failure ??= thrown;
    }
  }
  throw failure;
}

function above(location: string): string {
  const at = location.lastIndexOf("/");
  return at < 0 ? "." : at === 0 ? "/" : location.slice(0, at);
}

const notFound = (path: string): PlanError =>
  new PlanError(
    "SAVEPOINT_NOT_FOUND",
    `There is no savepoint in "${path}".`,
    "Give the directory that holds its manifest.json.",
  );

const incomplete = (path: string): DataError =>
  new DataError(
    "SAVEPOINT_INCOMPLETE",
    `The savepoint in "${path}" was not finished: it has no ${MANIFEST}.`,
    "Give another one, and remove this directory.",
  );
