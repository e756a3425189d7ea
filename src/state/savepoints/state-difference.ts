import type { StateContents, StateRow } from "./state-contents.ts";

export interface StateDifference {
  readonly uid: string;
  readonly table: string;
  /** Keys of keyed state, else rows. */
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** A few of them; what they were is absent where they are new. */
  readonly examples: readonly { readonly key: string; readonly before?: string; readonly after?: string }[];
}

const MOST_EXAMPLES = 5;

/** Per table what of its keys has come, gone or changed from one savepoint to another; tables that are equal are left out. */
export function stateDifferences(before: StateContents, after: StateContents): StateDifference[] {
  const differences: StateDifference[] = [];
  for (const uid of union(before.uids, after.uids)) {
    for (const table of union(before.tablesOf(uid), after.tablesOf(uid))) {
      const difference = differ(uid, table, entries(before, uid, table), entries(after, uid, table));
      if (difference !== undefined) differences.push(difference);
    }
  }
  return differences;
}

function differ(
  uid: string,
  table: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): StateDifference | undefined {
  const counts = { added: 0, removed: 0, changed: 0 };
  const examples: { key: string; before?: string; after?: string }[] = [];
  for (const key of union([...before.keys()], [...after.keys()])) {
    const [old, now] = [before.get(key), after.get(key)];
    if (old === now) continue;
    counts[old === undefined ? "added" : now === undefined ? "removed" : "changed"]++;
    if (examples.length === MOST_EXAMPLES) continue;
    examples.push({
      key,
      ...(old === undefined ? {} : { before: old }),
      ...(now === undefined ? {} : { after: now }),
    });
  }
  return examples.length === 0 ? undefined : { uid, table, ...counts, examples };
}

/** Values of each key as text; several rows of one key, or equal rows without one, lie together. */
function entries(contents: StateContents, uid: string, table: string): Map<string, string> {
  const found = new Map<string, string[]>();
  if (!contents.tablesOf(uid).includes(table)) return new Map();
  for (const row of contents.rows(uid, table)) {
    const { key, value } = split(row);
    const values = found.get(key);
    if (values === undefined) found.set(key, [value]);
    else values.push(value);
  }
  return new Map([...found].map(([key, values]) => [key, values.join(" ")]));
}

const isKey = (name: string): boolean => /^key[. ]/.test(name) || name === "namespace" || name === "mapKey";

function split(row: StateRow): { key: string; value: string } {
  const names = Object.keys(row).filter((name) => name !== "keyGroup");
  const pick = (wanted: readonly string[]) => plainText(Object.fromEntries(wanted.map((name) => [name, row[name]])));
  const keys = names.filter(isKey);
  if (keys.length === 0) return { key: pick(names), value: "" };
  return { key: pick(keys), value: pick(names.filter((name) => !isKey(name))) };
}

/** JSON, with what JSON has no way to say as text. */
export function plainText(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "bigint") return String(each);
    if (typeof each === "number" && !Number.isFinite(each)) return String(each);
    if (each instanceof Map) return [...each];
    if (each instanceof Uint8Array) return `0x${[...each].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    return each;
  });
}

const union = (a: readonly string[], b: readonly string[]): string[] => [...new Set([...a, ...b])].sort();
