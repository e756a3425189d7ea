import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One place of the engine that a mutation changes. */
export interface Edit {
  /** Relative to the repository. */
  readonly file: string;
  /** Lines that must stand there exactly once. */
  readonly find: string;
  readonly replacement: string;
}

/** A known bug of some engine, planted in ours: see docs/mutations.md for the format of its file. */
export interface Mutation {
  readonly name: string;
  /** Which bug of which engine it stands for. */
  readonly bug: string;
  /** The class of properties that forbids it: of docs/mutations.md. */
  readonly law: string;
  /** Test files that are expected to find it, any of them. */
  readonly foundBy: readonly string[];
  /** Only tests of these whose name has this. */
  readonly only: string | undefined;
  /** A run that comes to no end counts as found. */
  readonly mayHang: boolean;
  readonly edits: readonly Edit[];
}

export const REPOSITORY = join(import.meta.dirname, "..", "..");
const PLANTED = join(import.meta.dirname, "planted");
const ENDING = ".diff";
const HEADERS = ["bug", "law", "found-by", "only", "may-hang"];

/** All of them, by name. */
export const allMutations = (): Mutation[] =>
  readdirSync(PLANTED)
    .filter((name) => name.endsWith(ENDING))
    .sort()
    .map((name) => mutationOf(name.slice(0, -ENDING.length)));

/** @throws where there is none of this name, or its file cannot be read */
export const mutationOf = (name: string): Mutation =>
  parseMutation(name, readFileSync(join(PLANTED, name + ENDING), "utf8"));

export function parseMutation(name: string, text: string): Mutation {
  const wrong = (what: string): Error => new Error(`The mutation "${name}" cannot be read: ${what}.`);
  const [head, ...parts] = text.trimEnd().split(/^--- /m);
  const headers = new Map<string, string>();
  for (const line of head.split("\n").filter((each) => each !== "")) {
    const [, header, value] = /^([a-z-]+): (.+)$/.exec(line) ?? [];
    if (!HEADERS.includes(header)) throw wrong(`"${line}" is no header`);
    headers.set(header, value);
  }
  const required = (header: string): string => {
    const value = headers.get(header);
    if (value === undefined) throw wrong(`it has no "${header}"`);
    return value;
  };
  const edits = parts.map((part): Edit => {
    const [file, ...lines] = part.trimEnd().split("\n");
    const bad = lines.find((line) => !/^([ +-]|$)/.test(line));
    if (bad !== undefined) throw wrong(`"${bad}" is no line of a diff`);
    const side = (other: string) => lines.filter((line) => line[0] !== other).map((line) => `${line.slice(1)}\n`);
    const [find, replacement] = [side("+").join(""), side("-").join("")];
    if (find.trim() === "" || find === replacement) throw wrong("an edit replaces nothing");
    return { file: file.trim(), find, replacement };
  });
  if (edits.length === 0) throw wrong("it has no edit");
  return {
    name,
    bug: required("bug"),
    law: required("law"),
    foundBy: required("found-by").split(/,\s*/),
    only: headers.get("only"),
    mayHang: headers.get("may-hang") === "yes",
    edits,
  };
}

/** The text of a file with the edits that concern it. @throws where what they change is not there exactly once */
export function mutated(mutation: Mutation, file: string, text: string): string {
  let changed = text;
  for (const edit of mutation.edits) {
    if (edit.file !== file) continue;
    const count = changed.split(edit.find).length - 1;
    if (count !== 1) {
      throw new Error(
        `The mutation "${mutation.name}" is stale: ${file} has these lines ${count} times instead of once:\n${edit.find}` +
          `Write it anew in test/mutations/planted/${mutation.name}${ENDING}.`,
      );
    }
    changed = changed.replace(edit.find, () => edit.replacement);
  }
  return changed;
}
