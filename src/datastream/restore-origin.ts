import { crc32cOf } from "../core/checksum.ts";
import { PlanError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { JobSnapshot } from "../core/job-snapshot.ts";
import type { ObjectStore } from "../core/object-store.ts";
import { checkRestore } from "../runtime/check-restore.ts";
import type { Engine } from "../runtime/engine.ts";
import type { JobGraph } from "../runtime/job-graph.ts";
import { type OpenedSavepoint, openSavepoint } from "../state/savepoints/read-savepoint.ts";
import type { RestoreOptions } from "./restore-options.ts";

interface Origin extends RestoreOptions {
  readonly engine: Engine;
  readonly host: Host;
  readonly graph: JobGraph;
}

const changesOf = ({ allowNonRestoredState = false, renamedState = {} }: RestoreOptions) => ({
  allowNonRestoredState,
  renamedState,
});

/** What the options of a run say that it is to go on from. @throws what `openSavepoint` and `checkRestore` throw */
export async function givenOrigin(origin: Origin): Promise<JobSnapshot | undefined> {
  const { graph, restore, restoreFrom } = origin;
  if (restoreFrom !== undefined) return restored(await opened(origin, restoreFrom), origin);
  if (restore === undefined) return undefined;
  return checkRestore(graph, restore, { what: "checkpoint", ...changesOf(origin) });
}

/** In the directory of a job: the savepoint that it began from, by its id. */
const MARKER = /^began-from-([0-9a-f]{8})\.json$/;
const markerOf = (id: string): string => `began-from-${id}.json`;

/**
 * The same where the job keeps its checkpoints in a directory, and `own` is the newest of them. Those that come from the
 * savepoint go before it; those that do not are not given up for it without a word.
 * @throws {PlanError} RESTORE_AMBIGUOUS, RESTORE_MISSING
 */
export async function originInDirectory(
  origin: Origin,
  own: JobSnapshot | undefined,
  store: ObjectStore,
): Promise<JobSnapshot | undefined> {
  const { graph, restoreFrom } = origin;
  const markers = (await store.list("")).map(({ name }) => name).filter((name) => MARKER.test(name));
  if (own === undefined) {
    if (restoreFrom === undefined) {
      const [marker] = markers;
      if (marker !== undefined && origin.restore === undefined) {
        throw missing(store.location, await pathIn(store, marker));
      }
      return givenOrigin(origin);
    }
    const savepoint = await opened(origin, restoreFrom);
    const snapshot = await restored(savepoint, origin);
    const marker = markerOf(savepoint.id);
    if (!markers.includes(marker)) await store.put(marker, [new TextEncoder().encode(JSON.stringify(restoreFrom))]);
    await store.remove(markers.filter((name) => name !== marker));
    return snapshot;
  }
  if (restoreFrom !== undefined && !(await isFrom(origin, restoreFrom, store, markers))) {
    throw ambiguous(store.location, restoreFrom);
  }
  return checkRestore(graph, own, { what: "checkpoint", where: store.location, ...changesOf(origin) });
}

async function isFrom(origin: Origin, path: string, store: ObjectStore, markers: readonly string[]): Promise<boolean> {
  try {
    return markers.includes(markerOf((await opened(origin, path)).id));
  } catch (thrown) {
    if (!(thrown instanceof PlanError) || thrown.code !== "SAVEPOINT_NOT_FOUND") throw thrown;
    // Its checkpoints do without the savepoint, which may have been removed.
    const paths = await Promise.all(markers.map((marker) => pathIn(store, marker)));
    return paths.includes(path);
  }
}

/** Where the savepoint was; undefined where nobody can tell any more. Its id is in the name of the marker. */
async function pathIn(store: ObjectStore, marker: string): Promise<string | undefined> {
  try {
    return JSON.parse(new TextDecoder().decode(await store.get(marker)));
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
    return undefined;
  }
}

const opened = ({ engine, host }: Origin, path: string): Promise<OpenedSavepoint> =>
  openSavepoint(host.files, path, (bytes) => crc32cOf(engine.workspace, [bytes]));

async function restored(savepoint: OpenedSavepoint, origin: Origin) {
  const { path, manifest } = savepoint;
  const { kind: what, steps } = manifest;
  const snapshot = await savepoint.read();
  const named = steps === undefined ? {} : { steps };
  return checkRestore(origin.graph, snapshot, { what, where: path, ...changesOf(origin), ...named });
}

const ambiguous = (directory: string, path: string): PlanError =>
  new PlanError(
    "RESTORE_AMBIGUOUS",
    `The job is to go on from the savepoint "${path}", and "${directory}" has checkpoints that do not come from it.`,
    "Leave restoreFrom out to go on from the checkpoints, or give the job another directory to begin anew from the savepoint.",
  );

const missing = (directory: string, path: string | undefined): PlanError =>
  new PlanError(
    "RESTORE_MISSING",
    `The job in "${directory}" began from ${path === undefined ? "a savepoint" : `the savepoint "${path}"`} and has no checkpoint of its own yet.`,
    "Give it restoreFrom again, or another directory to begin without state.",
  );
