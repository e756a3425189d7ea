import { DataError, ExternalError } from "../../core/errors.ts";
import type { JobSnapshot } from "../../core/job-snapshot.ts";
import type { ObjectStore } from "../../core/object-store.ts";
import {
  ATTEMPTS,
  attemptName,
  attemptOf,
  type CheckpointKey,
  checkpointName,
  checkpointOf,
  committingName,
  manifestCopyName,
  manifestName,
  originName,
  STATE,
  stateAttemptOf,
  statePrefix,
} from "./checkpoint-names.ts";
import { type Checksum, corrupt, encodeManifest, filesOf, hex, type Manifest, parseManifest } from "./manifest.ts";
import { OwnAttempts } from "./own-attempts.ts";
import { readStateFiles, StateFileWriter } from "./state-files.ts";

/** What a run went on from where there was no checkpoint. */
const NOTHING = "nothing";

interface StoredCheckpoint {
  readonly key: CheckpointKey;
  readonly manifest: Manifest;
  /** False where the outcome of storing it is unknown. */
  readonly isComplete: boolean;
}

export interface CheckpointDirectoryOptions {
  readonly store: ObjectStore;
  readonly checksum: Checksum;
  /** Wall clock, epoch milliseconds. */
  readonly nowMs: () => number;
  /** Lets other work of the thread come between. */
  readonly turn: () => Promise<void>;
  /** Complete checkpoints that are kept, from 1. */
  readonly retained: number;
}

/**
 * The checkpoints of one job, as one run of it sees them. A run first claims a number, the attempt. What runs before it
 * may still be about to do is fenced: they find the claim behind whatever they store, and commit nothing from there on.
 *
 * A run goes on from the newest checkpoint of the last run that got as far as having one, or from where that run had
 * begun. What an earlier run stores after it was fenced is never looked at. A checkpoint that is damaged is passed over
 * only where nothing of it can have been committed: to go back behind a commit would write the same output again.
 */
export class CheckpointDirectory {
  readonly attempt: number;
  readonly #store: ObjectStore;
  readonly #checksum: Checksum;
  readonly #nowMs: () => number;
  readonly #retained: number;
  readonly #writer: StateFileWriter;
  /** Oldest first: what it went on from, and what it has stored since. */
  #stored: StoredCheckpoint[] = [];
  /** Markers that are known to be there. */
  readonly #committing = new Set<string>();
  #storing: Promise<void> = Promise.resolve();
  /** What earlier runs have left is removed once. */
  #isSwept = false;

  private constructor(attempt: number, { store, checksum, nowMs, turn, retained }: CheckpointDirectoryOptions) {
    this.attempt = attempt;
    this.#store = store;
    this.#checksum = checksum;
    this.#nowMs = nowMs;
    this.#retained = retained;
    this.#writer = new StateFileWriter(store, checksum, turn);
  }

  /**
   * Begins a run: from now on those before it commit nothing more. `own`: those of the same job in this process, so that
   * an attempt of it takes over from them, and from nobody else.
   * @throws {ExternalError} CHECKPOINT_FENCED
   */
  static async claim(options: CheckpointDirectoryOptions, own = new OwnAttempts()): Promise<CheckpointDirectory> {
    const { store, nowMs } = options;
    const about = new TextEncoder().encode(`claimed at ${new Date(nowMs()).toISOString()}\n`);
    for (;;) {
      const earlier = attemptsIn((await store.list(ATTEMPTS)).map(({ name }) => name));
      const newest = earlier.at(-1) ?? 0;
      const replaced = own.replacedBy(newest);
      if (replaced !== undefined) throw fenced(store.location, replaced, newest);
      const attempt = newest + 1;
      own.add(attempt);
      if (await store.claim(attemptName(attempt), about)) return new CheckpointDirectory(attempt, options);
      own.delete(attempt);
    }
  }

  /**
   * What this run is to go on from: once, before anything else. Undefined where there is nothing, and the job starts
   * from its beginning.
   * @throws {DataError} CHECKPOINT_CORRUPT where what there is cannot be used, nor be passed over
   * @throws {ExternalError} CHECKPOINT_FENCED
   */
  async restore(): Promise<JobSnapshot | undefined> {
    const candidates = await this.#candidates();
    let found: JobSnapshot | undefined;
    let from: CheckpointKey | undefined;
    for (const { key, isOrigin } of candidates) {
      try {
        const manifest = await this.#manifest(key);
        found = await readStateFiles(this.#store, manifest, this.#checksum, (bytes, file) => {
          this.#writer.know(bytes, file);
        });
        this.#stored = [{ key, manifest, isComplete: true }];
        from = key;
        break;
      } catch (thrown) {
        if (!(thrown instanceof DataError) || thrown.code !== "CHECKPOINT_CORRUPT") throw thrown;
        const mustBeTaken = isOrigin || (await this.#store.get(committingName(key))) !== undefined;
        if (mustBeTaken) throw mustNotPassOver(thrown);
      }
    }
    // Its commits are issued again by whoever goes on from it.
    if (from !== undefined) await this.#allowCommits(from);
    await this.#store.put(originName(this.attempt), [originText(from, this.#checksum)]);
    // A later run may have removed meanwhile what was not found here.
    await this.#checkFence();
    return found;
  }

  /**
   * Makes a checkpoint durable, after the one before it. Where the signal is aborted before that is done, it fails with
   * the reason of the signal.
   * @throws {ExternalError} CHECKPOINT_FENCED where another run has begun: nothing of it may be committed
   */
  store(snapshot: JobSnapshot, signal?: AbortSignal): Promise<void> {
    // One that nobody waits for any more may still be under way.
    const stored = this.#storing.then(() => this.#keep(snapshot, signal));
    this.#storing = stored.catch(() => undefined);
    return stored;
  }

  /** Resolves when nothing is being stored any more, also of what nobody waits for. */
  settled(): Promise<void> {
    return this.#storing;
  }

  async #keep(snapshot: JobSnapshot, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { checkpointId, maxParallelism, isFinal = false } = snapshot;
    const key = { attempt: this.attempt, checkpointId };
    let bytes: Uint8Array;
    let manifest: Manifest;
    try {
      const operators = await this.#writer.write(snapshot, statePrefix(key));
      const takenAt = new Date(this.#nowMs()).toISOString();
      manifest = { kind: "checkpoint", ...key, takenAt, maxParallelism, isFinal, operators };
      bytes = encodeManifest(manifest, this.#checksum);
      await this.#store.put(manifestCopyName(key), [bytes]);
      signal?.throwIfAborted();
    } catch (thrown) {
      this.#writer.forgetNewest();
      await this.#discard(key);
      throw thrown;
    }
    // If this fails it may be there all the same, and another run go on from it: it stays until a newer one is complete.
    this.#stored.push({ key, manifest, isComplete: false });
    await this.#store.put(manifestName(key), [bytes]);
    await this.#checkFence();
    this.#stored[this.#stored.length - 1] = { key, manifest, isComplete: true };
  }

  /**
   * Before anything that a complete checkpoint holds is committed.
   * @throws {ExternalError} CHECKPOINT_FENCED
   */
  async beforeCommit(checkpointId: number): Promise<void> {
    await this.#allowCommits({ attempt: this.attempt, checkpointId });
    await this.#checkFence();
  }

  /** Removes checkpoints that are not retained, and what nothing refers to; once what the newest holds is committed. */
  async removeOld(): Promise<void> {
    const [oldest] = this.#stored.filter(({ isComplete }) => isComplete).slice(-this.#retained);
    if (oldest === undefined) return;
    const retained = this.#stored.slice(this.#stored.indexOf(oldest));
    const old = this.#stored.slice(0, -retained.length);
    // What was committed by one that goes must still keep runs from going back behind it.
    if (old.length > 0) await this.#allowCommits(oldest.key);
    const kept = new Set(retained.flatMap(({ manifest }) => filesOf(manifest).map(({ file }) => file)));
    for (const { key, manifest } of old) {
      await this.#removeCheckpoint(key);
      const files = filesOf(manifest).map(({ file }) => file);
      await this.#store.remove(files.filter((file) => !kept.has(file)));
    }
    this.#stored = retained;
    if (!this.#isSwept && retained.every(({ key }) => key.attempt === this.attempt)) await this.#sweep();
  }

  /**
   * Removes all checkpoints of the job: who starts it again begins anew. Its run is over. At each moment the newest
   * checkpoint is whole, or there is none.
   * @throws {ExternalError} CHECKPOINT_FENCED where another run has begun, to which they belong
   */
  async removeAll(): Promise<void> {
    await this.settled();
    await this.#checkFence();
    const names = (await this.#store.list("")).map(({ name }) => name);
    // A run that had begun from a checkpoint must not be looked for where that is gone.
    await this.#store.remove(
      attemptsIn(names)
        .map(originName)
        .filter((name) => names.includes(name)),
    );
    for (const key of keysIn(names)) {
      // Without its marker it may be damaged, and without its manifest it is not there.
      await this.#store.remove([committingName(key)]);
      await this.#removeCheckpoint(key);
    }
    const isOwnClaim = (name: string): boolean => name === attemptName(this.attempt);
    await this.#store.remove(names.filter((name) => checkpointOf(name) === undefined && !isOwnClaim(name)));
    this.#stored = [];
  }

  /** In the order in which they are to be tried; `isOrigin`: an earlier run has gone on from it. */
  async #candidates(): Promise<{ readonly key: CheckpointKey; readonly isOrigin: boolean }[]> {
    const names = (await this.#store.list("")).map(({ name }) => name);
    // One that has something committed was complete, whatever has become of its manifest.
    const isCandidate = (key: CheckpointKey) =>
      names.includes(manifestName(key)) || names.includes(committingName(key));
    const candidates: { readonly key: CheckpointKey; readonly isOrigin: boolean }[] = [];
    for (const attempt of attemptsIn(names).reverse()) {
      if (attempt >= this.attempt) continue;
      const own = keysIn(names).filter((key) => key.attempt === attempt && isCandidate(key));
      candidates.push(...own.reverse().map((key) => ({ key, isOrigin: false })));
      const origin = await this.#store.get(originName(attempt));
      // Without one it never ran, and what was the newest before it still is.
      if (origin === undefined) continue;
      const from = originIn(origin, this.#checksum, `${this.#store.location}/${originName(attempt)}`);
      if (from !== undefined) candidates.push({ key: from, isOrigin: true });
      break;
    }
    return candidates;
  }

  /** Either copy. */
  async #manifest(key: CheckpointKey): Promise<Manifest> {
    let failure: unknown = corrupt(`${this.#store.location}/${manifestName(key)}`, "it is not there");
    for (const name of [manifestName(key), manifestCopyName(key)]) {
      const bytes = await this.#store.get(name);
      if (bytes === undefined) continue;
      try {
        return parseManifest(bytes, this.#checksum, `${this.#store.location}/${name}`);
      } catch (thrown) {
        failure = thrown;
      }
    }
    throw failure;
  }

  async #allowCommits(key: CheckpointKey): Promise<void> {
    const name = committingName(key);
    if (this.#committing.has(name)) return;
    await this.#store.claim(name, new Uint8Array());
    this.#committing.add(name);
  }

  async #checkFence(): Promise<void> {
    const newest = Math.max(...attemptsIn((await this.#store.list(ATTEMPTS)).map(({ name }) => name)));
    if (newest !== this.attempt) throw fenced(this.#store.location, this.attempt, newest);
  }

  /** The manifest first: without it there is no checkpoint. */
  async #removeCheckpoint(key: CheckpointKey): Promise<void> {
    await this.#store.remove([manifestName(key), manifestCopyName(key), committingName(key)]);
    this.#committing.delete(committingName(key));
  }

  /** What a failed checkpoint has left, as far as it can be removed; the next run removes the rest. */
  async #discard(key: CheckpointKey): Promise<void> {
    try {
      await this.#removeCheckpoint(key);
      const names = (await this.#store.list(STATE)).map(({ name }) => name);
      await this.#store.remove(names.filter((name) => name.startsWith(statePrefix(key))));
    } catch {
      // What led here is what the caller has to know of.
    }
  }

  /** Everything of earlier runs goes: nobody goes back to them, since all that is retained is of this one. */
  async #sweep(): Promise<void> {
    const kept = new Set(this.#stored.flatMap(({ manifest }) => filesOf(manifest).map(({ file }) => file)));
    const names = (await this.#store.list("")).map(({ name }) => name);
    const isEarlier = (attempt: number | undefined): boolean => attempt !== undefined && attempt < this.attempt;
    for (const key of keysIn(names)) if (isEarlier(key.attempt)) await this.#removeCheckpoint(key);
    await this.#store.remove(names.filter((name) => isEarlier(stateAttemptOf(name)) && !kept.has(name)));
    const attempts = attemptsIn(names).filter(isEarlier);
    await this.#store.remove(attempts.flatMap((attempt) => [originName(attempt), attemptName(attempt)]));
    this.#isSwept = true;
  }
}

/** In ascending order. */
function attemptsIn(names: readonly string[]): number[] {
  return names
    .map(attemptOf)
    .filter((attempt) => attempt !== undefined)
    .sort((a, b) => a - b);
}

/** Of all checkpoints, complete or not, oldest first. */
function keysIn(names: readonly string[]): CheckpointKey[] {
  const keys = new Map<string, CheckpointKey>();
  for (const name of names) {
    const key = checkpointOf(name);
    if (key !== undefined) keys.set(checkpointName(key), key);
  }
  return [...keys.values()].sort((a, b) => a.attempt - b.attempt || a.checkpointId - b.checkpointId);
}

/** The name of a checkpoint, or "nothing", and the checksum of that. */
function originText(from: CheckpointKey | undefined, checksum: Checksum): Uint8Array {
  const name = from === undefined ? NOTHING : checkpointName(from);
  return new TextEncoder().encode(`${name} ${hex(checksum(new TextEncoder().encode(name)))}\n`);
}

/** Undefined where the run began without a checkpoint. @throws {DataError} CHECKPOINT_CORRUPT */
function originIn(bytes: Uint8Array, checksum: Checksum, file: string): CheckpointKey | undefined {
  const [name] = new TextDecoder().decode(bytes).split(" ");
  const from = name === NOTHING ? undefined : checkpointOf(name);
  if (isEqual(bytes, originText(from, checksum))) return from;
  throw mustNotPassOver(corrupt(file, "its checksum does not fit its bytes"));
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

const mustNotPassOver = (cause: DataError): DataError =>
  new DataError(
    "CHECKPOINT_CORRUPT",
    `${cause.whatHappened} An older checkpoint was not taken instead: output that is committed would be written again.`,
    "Put the file back from a copy; or give a savepoint, or another directory, and see to the output behind it.",
    { cause },
  );

const fenced = (location: string, attempt: number, newest: number): ExternalError =>
  new ExternalError(
    "CHECKPOINT_FENCED",
    false,
    `Run ${attempt} of the job in "${location}" was taken over by run ${newest}, which goes on from its last checkpoint.`,
    "Run one process per directory of checkpoints; what this one had not committed, the other one does again.",
  );
