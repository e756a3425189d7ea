/*
 * Names of files in the directory of a savepoint:
 *   unfinished                          while it is being written, and behind a writer that has died
 *   state/<uid>/<table>-<part>.arrows   rows of one table, written by one subtask
 *   manifest.copy.json
 *   manifest.json                       it is complete once this is there
 */

export const MANIFEST = "manifest.json";
export const MANIFEST_COPY = "manifest.copy.json";
export const UNFINISHED = "unfinished";

/** What of a uid or the name of a table a name has room for. */
const LONGEST = 60;

/** Names of files that tell uid and table, each given once. */
export class StateNames {
  readonly #taken = new Set<string>();
  readonly #directories = new Map<string, string>();

  /** Part `part` of a table; called once for each. */
  of(uid: string, table: string, part: number): string {
    let directory = this.#directories.get(uid);
    if (directory === undefined) {
      directory = this.#free((suffix) => `state/${readable(uid)}${suffix}`);
      this.#directories.set(uid, directory);
    }
    return this.#free((suffix) => `${directory}/${readable(table)}${suffix}-${part}.arrows`);
  }

  /** Different names may read alike, also where a file system does not tell capitals from small letters. */
  #free(name: (suffix: string) => string): string {
    for (let i = 1; ; i++) {
      const free = name(i === 1 ? "" : `.${i}`);
      if (this.#taken.has(free.toLowerCase())) continue;
      this.#taken.add(free.toLowerCase());
      return free;
    }
  }
}

function readable(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_-]+/g, "-").slice(0, LONGEST);
  return plain === "" ? "-" : plain;
}
