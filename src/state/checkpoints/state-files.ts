import type { JobSnapshot, OperatorSnapshot } from "../../core/job-snapshot.ts";
import type { ObjectStore } from "../../core/object-store.ts";
import type { StateKind } from "../../core/state-snapshot.ts";
import { checksumInTurns } from "./checksum-in-turns.ts";
import { type Checksum, corrupt, hex, type Manifest, type StateFile, type TableManifest } from "./manifest.ts";

/** Writes the parts of a snapshot as files, and remembers which part is in which file. */
export class StateFileWriter {
  readonly #store: ObjectStore;
  readonly #checksum: Checksum;
  readonly #turn: () => Promise<void>;
  /** A part that a later snapshot holds again is not written again. */
  readonly #written = new WeakMap<Uint8Array, StateFile>();
  /** Parts that the last call has written, or has begun to. */
  #newest: Uint8Array[] = [];

  /** `turn`: lets other work of the thread come between. */
  constructor(store: ObjectStore, checksum: Checksum, turn: () => Promise<void>) {
    this.#store = store;
    this.#checksum = checksum;
    this.#turn = turn;
  }

  /** Names begin with `prefix`, and no object has such a name yet. Resolves when all of it is durable. */
  async write(snapshot: JobSnapshot, prefix: string): Promise<Manifest["operators"]> {
    const operators: Record<string, Record<string, TableManifest>> = Object.create(null);
    let count = 0;
    this.#newest = [];
    for (const [uid, { tables }] of Object.entries(snapshot.operators)) {
      const described: Record<string, TableManifest> = Object.create(null);
      for (const [name, { kind, parts }] of Object.entries(tables)) {
        const files: StateFile[] = [];
        for (const bytes of parts) {
          let file = this.#written.get(bytes);
          if (file === undefined) {
            file = {
              file: `${prefix}${count++}.arrows`,
              sizeBytes: bytes.length,
              crc32c: hex(await checksumInTurns(this.#checksum, bytes, this.#turn)),
            };
            await this.#store.put(file.file, [bytes]);
            this.#written.set(bytes, file);
            this.#newest.push(bytes);
          }
          files.push(file);
        }
        described[name] = { kind, parts: files };
      }
      operators[uid] = described;
    }
    return operators;
  }

  /** The files that the last call has written are going to be removed. */
  forgetNewest(): void {
    for (const bytes of this.#newest) this.#written.delete(bytes);
  }

  /** From now on this part is taken to be in this file. */
  know(bytes: Uint8Array, file: StateFile): void {
    this.#written.set(bytes, file);
  }
}

/**
 * Everything that a manifest names, verified. `onFile` hears of each part.
 * @throws {DataError} CHECKPOINT_CORRUPT where a file is missing, or is not what the manifest says
 */
export async function readStateFiles(
  store: ObjectStore,
  manifest: Manifest,
  checksum: Checksum,
  onFile: (bytes: Uint8Array, file: StateFile) => void = () => undefined,
): Promise<JobSnapshot> {
  const operators: Record<string, OperatorSnapshot> = Object.create(null);
  for (const [uid, tables] of Object.entries(manifest.operators)) {
    const read: Record<string, { kind: StateKind; parts: Uint8Array[] }> = Object.create(null);
    for (const [name, { kind, parts }] of Object.entries(tables)) {
      const contents: Uint8Array[] = [];
      for (const file of parts) {
        const bytes = await readStateFile(store, file, checksum);
        onFile(bytes, file);
        contents.push(bytes);
      }
      read[name] = { kind, parts: contents };
    }
    operators[uid] = { tables: read };
  }
  const { checkpointId, maxParallelism, isFinal } = manifest;
  return { checkpointId, maxParallelism, operators, ...(isFinal ? { isFinal } : {}) };
}

async function readStateFile(store: ObjectStore, expected: StateFile, checksum: Checksum): Promise<Uint8Array> {
  const { file, sizeBytes, crc32c } = expected;
  const name = `${store.location}/${file}`;
  const bytes = await store.get(file);
  if (bytes === undefined) throw corrupt(name, "it is not there");
  if (bytes.length !== sizeBytes) throw corrupt(name, `it has ${bytes.length} bytes instead of ${sizeBytes}`);
  if (hex(checksum(bytes)) !== crc32c) throw corrupt(name, "its checksum does not fit its bytes");
  return bytes;
}
