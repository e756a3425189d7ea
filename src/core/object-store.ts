/** An object of a store. */
export interface StoredObject {
  readonly name: string;
  readonly sizeBytes: number;
}

/**
 * Named objects that appear whole or not at all, and do not change: where checkpoints and savepoints are kept. A name is
 * a relative path with "/" between its parts, of letters, digits, ".", "-" and "_".
 * Failures are ExternalErrors: those of the files or the service below.
 */
export interface ObjectStore {
  /** For messages: the directory or address that names are relative to. */
  readonly location: string;
  /**
   * Makes an object whose name is free; it is durable, under its name, when this has resolved. After a failure, or a
   * crash, there is the whole object or none. Takes the bytes as they are: they must not change meanwhile.
   */
  put(name: string, bytes: readonly Uint8Array[]): Promise<void>;
  /**
   * Takes a name for good; false where somebody had taken it. Of several who try at once, one gets it. What the object
   * holds is for people to read, and may be cut off by a crash.
   */
  claim(name: string, bytes: Uint8Array): Promise<boolean>;
  /** Undefined where there is no such object. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** Objects whose names begin with `prefix`, which is empty or ends in "/", in the order of their names. */
  list(prefix: string): Promise<StoredObject[]>;
  /** They are gone for good when this has resolved, removed in this order. One that is not there counts as removed. */
  remove(names: readonly string[]): Promise<void>;
}
