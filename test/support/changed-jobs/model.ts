import { functionLine, joined } from "./build-job.ts";
import type { Change } from "./changes.ts";
import {
  amountOf,
  type FunctionStep,
  type Job,
  type JoinStep,
  KEY_TEXTS,
  type KeyColumn,
  keyOf,
  type StateShape,
  type Step,
  timeOf,
  type WindowStep,
} from "./job.ts";
import { added, carried, type Plain } from "./shapes.ts";

/** What state a step has. */
interface Kept {
  /** Of a function: what each state has for each key. */
  readonly states: ReadonlyMap<string, ReadonlyMap<number, unknown>>;
  /** Of any other: the rows that it has seen, with the values of a join's columns as it keeps them. */
  readonly rows: readonly SeenRow[];
  /** The windows that it has given. */
  readonly given: readonly string[];
}

interface SeenRow {
  readonly id: number;
  readonly columns: Readonly<Record<string, number | null>>;
}

/** State of a job by uid, as one would keep it in maps. */
export type KeptState = ReadonlyMap<string, Kept>;

const NOTHING: Kept = { states: new Map(), rows: [], given: [] };

export type Ending = "stopped" | "drained" | "ended";

/** Whether a step has rows of state for certain. */
export function hasState(step: Step, kept: KeptState): boolean {
  if (step.kind === "plain") return false;
  const { rows, states, given } = kept.get(step.uid) ?? NOTHING;
  switch (step.kind) {
    case "function":
      return [...states.values()].some(({ size }) => size > 0);
    case "window":
      return rows.some(({ id }) => !given.includes(windowOf(step, id)));
    case "total":
    case "join":
      return rows.length > 0;
  }
}

/** State as a changed job has it when it goes on. */
export function goOn(kept: KeptState, { job, renamedState }: Change): KeptState {
  return new Map(
    job.steps.flatMap((step): [string, Kept][] => {
      const old = step.kind === "plain" ? undefined : kept.get(step.uid);
      if (step.kind === "plain" || old === undefined) return [];
      const renamed = renamedState[step.uid] ?? {};
      return [[step.uid, changedKept(step, old, renamed)]];
    }),
  );
}

function changedKept(step: Step, old: Kept, renamed: Readonly<Record<string, string>>): Kept {
  if (step.kind === "function") {
    const states = [...old.states].flatMap(([name, byKey]): [string, ReadonlyMap<number, unknown>][] => {
      const state = step.states.find((each) => each.name === (renamed[name] ?? name));
      if (state === undefined) return [];
      return [[state.name, new Map([...byKey].map(([key, value]) => [key, carriedValue(state, value, renamed)]))]];
    });
    return { ...old, states: new Map(states) };
  }
  if (step.kind !== "join") return old;
  const rows = old.rows.map(({ id, columns }) => {
    const now = new Map(Object.entries(columns).map(([name, value]) => [renamed[name] ?? name, value]));
    return { id, columns: Object.fromEntries(step.columns.map(({ name }) => [name, now.get(name) ?? null])) };
  });
  return { ...old, rows };
}

function carriedValue({ kind, shape }: StateShape, value: unknown, renamed: Readonly<Record<string, string>>): unknown {
  if (kind === "list") return (value as Plain[]).map((each) => carried(shape, each, renamed));
  if (kind === "map")
    return new Map([...(value as Map<number, Plain>)].map(([k, v]) => [k, carried(shape, v, renamed)]));
  return carried(shape, value as Plain, renamed);
}

/**
 * Holds what the steps of a job have said against what follows from their state and the rows that it has read. Gives what
 * is wrong, and the state behind these rows.
 */
export function judge(
  { steps }: Job,
  kept: KeptState,
  read: readonly number[],
  lines: ReadonlyMap<string, readonly string[]>,
  ending: Ending,
): { readonly complaints: readonly string[]; readonly kept: KeptState } {
  const complaints: string[] = [];
  const now = new Map<string, Kept>();
  // Rows of a key come in the order of their numbers.
  const ids = [...read].sort((a, b) => a - b);
  for (const step of steps) {
    if (step.kind === "plain") continue;
    const found = lines.get(step.uid) ?? [];
    const { next, wrong } = judgeStep(step, kept.get(step.uid) ?? NOTHING, ids, found, ending);
    now.set(step.uid, next);
    complaints.push(...wrong.map((what) => `${step.uid} ${what}`));
  }
  return { complaints, kept: now };
}

interface Verdict {
  readonly next: Kept;
  readonly wrong: readonly string[];
}

function judgeStep(
  step: Exclude<Step, { kind: "plain" }>,
  before: Kept,
  ids: readonly number[],
  found: readonly string[],
  ending: Ending,
): Verdict {
  if (step.kind === "function") return judgeFunction(step, before, ids, found);
  // A join keeps no row that joins with none.
  const joining = step.kind === "join" ? ids.filter((id) => !isNullIn(step.key, id)) : ids;
  const more = joining.map((id) => ({ id, columns: step.kind === "join" ? columnsOf(step, id) : {} }));
  const rows = [...before.rows, ...more];
  if (step.kind === "window") {
    const all = groups(
      rows.map(({ id }) => id),
      (id) => windowOf(step, id),
    );
    const texts = new Map([...all].map(([window, of]) => [window, `${window} ${aggregateText(step.aggregates, of)}`]));
    const windows = found.map((line) => line.split(" ").slice(0, 2).join(" "));
    const given = [...before.given, ...windows];
    const wrong = [
      ...found.flatMap((line, i) =>
        texts.get(windows[i]) === line ? [] : [`gives ${line} for ${texts.get(windows[i])}`],
      ),
      ...given.filter((window, i) => given.indexOf(window) < i).map((window) => `gives ${window} twice`),
      ...(ending === "stopped"
        ? []
        : [...texts.keys()].filter((window) => !given.includes(window)).map((each) => `lacks ${each}`)),
    ];
    // What was drained has given all windows, and begins new ones.
    return { next: ending === "drained" ? NOTHING : { ...NOTHING, rows, given }, wrong };
  }
  const contents = (of: readonly SeenRow[]): string[] => {
    if (step.kind === "join") return joinedRows(step, of);
    const totals = groups(
      of.map(({ id }) => id),
      (id) => keyText(step.key, id),
    );
    return [...totals].map(([key, each]) => `${key} ${aggregateText(step.aggregates, each)}`);
  };
  const changes = [...contents(before.rows).map((row) => `+${row}`), ...found];
  return { next: { ...NOTHING, rows }, wrong: differences(contents(rows), folded(changes)) };
}

function judgeFunction(
  { states }: FunctionStep,
  before: Kept,
  ids: readonly number[],
  found: readonly string[],
): Verdict {
  const now = new Map(states.map(({ name }) => [name, new Map(before.states.get(name))]));
  const expected = ids.map((id) => {
    const key = keyOf(id);
    const values = states.map(({ name, kind }) => told(kind, now.get(name)?.get(key)));
    for (const state of states) {
      const byKey = now.get(state.name);
      byKey?.set(key, nextValue(state, byKey.get(key), id));
    }
    return functionLine(id, states, values);
  });
  return { next: { ...NOTHING, states: now }, wrong: differences(expected, found) };
}

function told(kind: StateShape["kind"], value: unknown): unknown {
  if (kind === "list") return value ?? [];
  if (kind === "map") return [...((value as Map<number, Plain> | undefined) ?? [])].sort(([a], [b]) => a - b);
  return value ?? null;
}

function nextValue({ kind, shape }: StateShape, value: unknown, id: number): unknown {
  const v = amountOf(id);
  switch (kind) {
    case "list":
      return [...((value as Plain[] | undefined) ?? []), added(shape, null, v)];
    case "map": {
      const map = new Map(value as Map<number, Plain> | undefined);
      return map.set(id % 3, added(shape, map.get(id % 3) ?? null, v));
    }
    case "reducing":
      return value === undefined ? added(shape, null, v) : joined(shape, value as Plain, added(shape, null, v));
    case "aggregating":
      return added(shape, (value as Plain | undefined) ?? added(shape, null, 0), v);
    case "value":
      return added(shape, (value as Plain | undefined) ?? null, v);
  }
}

const keyText = (key: readonly KeyColumn[], id: number): string =>
  key.map(({ scalar }) => String(scalar === "utf8" ? KEY_TEXTS[keyOf(id)] : keyOf(id))).join("/");

const windowOf = ({ key, sizeMs }: WindowStep, id: number): string =>
  `${keyText(key, id)} @${Math.floor(timeOf(id) / sizeMs) * sizeMs}`;

function aggregateText(names: readonly string[], ids: readonly number[]): string {
  const values = ids.map(amountOf);
  const all: Readonly<Record<string, number>> = {
    total: values.reduce((sum, value) => sum + value, 0),
    rows: values.length,
    least: Math.min(...values),
    greatest: Math.max(...values),
  };
  return names.map((name) => `${name}=${all[name]}`).join(" ");
}

const isNullIn = (key: readonly KeyColumn[], id: number): boolean =>
  key.some(({ scalar }) => scalar === "utf8") && KEY_TEXTS[keyOf(id)] === null;

const columnsOf = ({ columns }: JoinStep, id: number) =>
  Object.fromEntries(columns.map(({ name }) => [name, amountOf(id)]));

/** Every row with every row of its key. */
function joinedRows({ columns }: JoinStep, rows: readonly SeenRow[]): string[] {
  return rows.flatMap(({ id }) =>
    rows
      .filter((other) => keyOf(other.id) === keyOf(id))
      .map((other) => `${id} ${other.id} ${columns.map(({ name }) => `${name}=${other.columns[name]}`).join(" ")}`),
  );
}

function groups(ids: readonly number[], of: (id: number) => string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const id of ids) found.set(of(id), [...(found.get(of(id)) ?? []), id]);
  return found;
}

function folded(changes: readonly string[]): string[] {
  const left: string[] = [];
  for (const change of changes) if (change.startsWith("+")) left.push(change.slice(1));
  const missing: string[] = [];
  for (const change of changes) {
    if (!change.startsWith("-")) continue;
    const at = left.indexOf(change.slice(1));
    if (at < 0) missing.push(`${change.slice(1)} taken back, which was not there`);
    else left.splice(at, 1);
  }
  return [...left, ...missing];
}

function differences(expected: readonly string[], found: readonly string[]): string[] {
  const rest = [...found];
  const missing = expected.filter((line) => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  return [...missing.map((line) => `lacks ${line}`), ...rest.map((line) => `gives ${line}`)];
}
