import type { JobSnapshot, OperatorSnapshot, TableState } from "../../core/job-snapshot.ts";
import type { ObjectStore } from "../../core/object-store.ts";
import { checksumInTurns } from "./checksum-in-turns.ts";
import {
  type Checksum,
  corrupt,
  hex,
  type Manifest,
  type PartManifest,
  type StateFile,
  type TableManifest,
} from "./manifest.ts";

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
    const fileOf = async (bytes: Uint8Array): Promise<StateFile> => {
      const known = this.#written.get(bytes);
      if (known !== undefined) return known;
      const written = {
        file: `${prefix}${count++}.arrows`,
        sizeBytes: bytes.length,
        crc32c: hex(await checksumInTurns(this.#checksum, bytes, this.#turn)),
      };
      await this.#store.put(written.file, [bytes]);
      this.#written.set(bytes, written);
      this.#newest.push(bytes);
      return written;
    };
    for (const [uid, { tables }] of Object.entries(snapshot.operators)) {
      const described: Record<string, TableManifest> = Object.create(null);
      for (const [name, { kind, parts, changes }] of Object.entries(tables)) {
        const files: PartManifest[] = [];
        for (const [part, bytes] of parts.entries()) {
          const file = await fileOf(bytes);
          const changed: StateFile[] = [];
          for (const each of changes?.ofParts[part] ?? []) changed.push(await fileOf(each));
          const least = changes?.leastOfParts?.[part];
          const isLeast = least === undefined ? {} : { least };
          files.push(changed.length === 0 ? file : { ...file, changes: changed, ...isLeast });
        }
        described[name] = changes === undefined ? { kind, parts: files } : { kind, unit: changes.unit, parts: files };
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
  const bytesOf = async (file: StateFile): Promise<Uint8Array> => {
    const bytes = await readStateFile(store, file, checksum);
    onFile(bytes, file);
    return bytes;
  };
  for (const [uid, tables] of Object.entries(manifest.operators)) {
    const read: Record<string, TableState> = Object.create(null);
    for (const [name, { kind, unit, parts }] of Object.entries(tables)) {
      const contents: Uint8Array[] = [];
      const ofParts: Uint8Array[][] = [];
      for (const { changes = [], ...whole } of parts) {
        contents.push(await bytesOf(whole));
        const changed: Uint8Array[] = [];
        for (const file of changes) changed.push(await bytesOf(file));
        ofParts.push(changed);
      }
      const leastOfParts = parts.map(({ least }) => least);
      const isLeast = leastOfParts.some((least) => least !== undefined) ? { leastOfParts } : {};
      const changes = unit === undefined ? {} : { changes: { unit, ofParts, ...isLeast } };
      read[name] = { kind, parts: contents, ...changes };
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
