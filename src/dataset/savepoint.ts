import { type DeclaredReadOptions, declaredColumns } from "../api/declared-columns.ts";
import { checkedOptions, checkedSignal } from "../api/options.ts";
import { PlanHandle } from "../api/plan-handle.ts";
import { crc32cOf } from "../core/checksum.ts";
import { describeValue } from "../core/describe-value.ts";
import { PlanError } from "../core/errors.ts";
import type { JobSnapshot, OperatorSnapshot } from "../core/job-snapshot.ts";
import { checkMaxParallelism, DEFAULT_MAX_PARALLELISM } from "../core/key-group.ts";
import type { Field, Schema } from "../core/schema.ts";
import { loadTableFormat, tableFormat } from "../core/snapshot-tables.ts";
import type { StateDescriptor } from "../core/state/descriptors.ts";
import { wholeTable } from "../core/state/table-batches.ts";
import type { StateKind } from "../core/state-snapshot.ts";
import type { Fields } from "../core/types.ts";
import { Workspace } from "../core/workspace.ts";
import { kernelModule } from "../host/kernel-module.ts";
import { sourceNode } from "../plan/nodes.ts";
import { uniqueId } from "../runtime/unique-id.ts";
import { openSavepoint } from "../state/savepoints/read-savepoint.ts";
import { type StateColumn, stateColumns } from "../state/savepoints/state-columns.ts";
import { describedTable, keysAmong, type StateLayout, stateLayout } from "../state/savepoints/state-layout.ts";
import { StateSource } from "../state/savepoints/state-source.ts";
import { SavepointTarget, type WrittenSavepoint } from "../state/savepoints/write-savepoint.ts";
import { DataSet } from "./dataset.ts";
import { ExecutionEnvironment } from "./execution-environment.ts";
import { encodedStates, type PendingState } from "./savepoint-states.ts";

export interface SavepointOpenOptions {
  /** Whose jobs read the state; default: one of its own. */
  readonly environment?: ExecutionEnvironment;
}

export interface SavepointCreateOptions extends SavepointOpenOptions {
  /** The number of key groups: that of the job that is to begin from it. Default 128. */
  readonly maxParallelism?: number;
}

export interface WithStateOptions {
  /** Columns of the key, in the order of `keyBy`; default: those of the step's other states, else all that is left. */
  readonly keys?: readonly string[];
  /** "keyed" (default), or operator state: lists that are spread ("list") or given to all ("union"), maps ("broadcast"). */
  readonly kind?: StateKind;
}

/** A state in a savepoint. */
export interface SavepointState {
  /** Uid of its step. */
  readonly uid: string;
  /** "value:total", say: what it is, and the name that the function gave it; or a table of a step of the engine. */
  readonly name: string;
  readonly kind: StateKind;
  /** Of its rows as a dataset, and how many there are; undefined where they are yet to be computed. */
  readonly schema: Schema | undefined;
  readonly rows: number | undefined;
}

type StoredState = OperatorSnapshot["tables"][string];
/** By uid, by table. */
type States = ReadonlyMap<string, ReadonlyMap<string, StoredState | PendingState>>;

interface Content {
  readonly checkpointId: number;
  readonly maxParallelism: number;
  readonly isFinal?: boolean;
  readonly jobName?: string | undefined;
  readonly steps: Readonly<Record<string, string>>;
  readonly states: States;
}

const isPending = (state: StoredState | PendingState): state is PendingState => "dataSet" in state;

/**
 * State of a stream job as datasets: what a savepoint, or a checkpoint that was kept, holds is read, and a new savepoint is
 * written with some of it changed, or from nothing. Savepoints do not change: every method gives a new description, and
 * `write` computes what it describes.
 * @example
 * const savepoint = await Savepoint.open("/savepoints/before");
 * const totals = savepoint.state("sums", "total");
 * await savepoint.withState("sums", valueState("total", types.int64), totals.filter(col("value").gt(0n))).write("/savepoints/after");
 */
export class Savepoint {
  readonly #environment: ExecutionEnvironment;
  readonly #content: Content;

  private constructor(environment: ExecutionEnvironment, content: Content) {
    this.#environment = environment;
    this.#content = content;
  }

  /**
   * @param path - The directory of a savepoint, or of a checkpoint (`chk-...`) in the directory of a job.
   * @throws {PlanError} SAVEPOINT_NOT_FOUND
   * @throws {DataError} SAVEPOINT_INCOMPLETE, CHECKPOINT_CORRUPT, CHECKPOINT_VERSION
   */
  static async open(path: string, options: SavepointOpenOptions = {}): Promise<Savepoint> {
    checkPath("Savepoint.open", path);
    const { environment = ExecutionEnvironment.create() } = checkedOptions("Savepoint.open", options, ["environment"]);
    await loadTableFormat();
    const workspace = new Workspace(kernelModule());
    const { files } = environment.context.host;
    const opened = await openSavepoint(files, path, (bytes) => crc32cOf(workspace, [bytes]));
    const { operators, checkpointId, maxParallelism, isFinal } = await opened.read();
    const states = new Map(
      Object.entries(operators).map(([uid, { tables }]) => {
        const whole = Object.entries(tables).map(([name, table]) => [name, wholeTable(workspace, table)] as const);
        return [uid, new Map(whole)] as const;
      }),
    );
    const { steps = {}, jobName } = opened.manifest;
    const last = isFinal === undefined ? {} : { isFinal };
    return new Savepoint(environment, { checkpointId, maxParallelism, ...last, jobName, steps, states });
  }

  /**
   * One without state, to give a job that does not exist yet something to begin from.
   * @throws {PlanError} MAX_PARALLELISM_INVALID
   */
  static async create(options: SavepointCreateOptions = {}): Promise<Savepoint> {
    const names = ["environment", "maxParallelism"];
    const given = checkedOptions("Savepoint.create", options, names);
    const { environment = ExecutionEnvironment.create(), maxParallelism = DEFAULT_MAX_PARALLELISM } = given;
    checkMaxParallelism(maxParallelism, 1);
    await loadTableFormat();
    return new Savepoint(environment, { checkpointId: 0, maxParallelism, steps: {}, states: new Map() });
  }

  /** The number of key groups. */
  get maxParallelism(): number {
    return this.#content.maxParallelism;
  }

  /** All states, by uid and name. */
  get states(): SavepointState[] {
    const found: SavepointState[] = [];
    for (const [uid, tables] of sorted(this.#content.states)) {
      for (const [name, state] of sorted(tables)) {
        if (isPending(state)) {
          found.push({ uid, name, kind: state.kind, schema: state.dataSet.plan.node?.schema, rows: undefined });
          continue;
        }
        const { schema, statistics } = new StateSource(name, state);
        found.push({ uid, name, kind: state.kind, schema, rows: statistics.rows });
      }
    }
    return found;
  }

  /**
   * The rows of a state: columns of the key under their names, then `value`; of maps `mapKey` before it, a row for each
   * entry; of lists a row for each element, and `position` behind it; `updatedAtMs` where it has a time to live. States of
   * the engine's steps have the columns of their tables. A column of a key that is called like one of these is `key.name`.
   * @param state - Its descriptor or name, or that of its table ("panes").
   * @param options.schema - Declares columns and types, so that the compiler knows them; the state must have them.
   * @throws {PlanError} STATE_UNKNOWN, SCHEMA_MISMATCH
   */
  state<F extends Fields = Fields>(
    uid: string,
    state: string | StateDescriptor,
    options: DeclaredReadOptions<F> = {},
  ): DataSet<F> {
    checkedOptions("state", options, ["schema"]);
    const [name, found] = this.#found(uid, state);
    if (isPending(found)) return found.dataSet as unknown as DataSet<F>;
    const source = declaredColumns("state", new StateSource(name, found), options);
    return new DataSet<F>(this.#environment.context, PlanHandle.of(sourceNode(source, true)));
  }

  /**
   * The same with these rows as a state, in place of the one of that name, or as a new one, also of a step that is new. The
   * columns of the rows are those that `state` gives. A value that is a struct may be given as its fields. Key groups are
   * computed here, but for tables that have a column `keyGroup`, whose rows keep theirs; rows whose value is null count for nothing.
   * @param state - The descriptor with which the job declares it, or the name of a table that is there.
   * @throws {PlanError} STATE_UNKNOWN, STATE_COLUMNS_INVALID, here, or from `write` where the columns are known only then
   */
  withState<F extends Fields>(
    uid: string,
    state: string | StateDescriptor,
    rows: DataSet<F>,
    options: WithStateOptions = {},
  ): Savepoint {
    const { keys, kind = "keyed" } = checkedOptions("withState", options, ["keys", "kind"]);
    if (typeof uid !== "string" || uid === "") throw notText("withState", uid, "the uid of a step");
    if (!(rows instanceof DataSet)) throw notText("withState", rows, "rows as a DataSet");
    if (keys !== undefined && !(Array.isArray(keys) && keys.every((key) => typeof key === "string"))) {
      throw notText("withState", keys, "keys as a list of names of columns");
    }
    const layoutFor = this.#layouts(uid, state, kind, keys);
    const { node } = rows.plan;
    const name = typeof state === "string" ? this.#found(uid, state)[0] : describedTable(state, kind, []).table;
    const what = typeof state === "string" ? this.#found(uid, state)[1].kind : kind;
    if (node !== undefined) layoutFor(node.schema);
    const dataSet = rows as unknown as DataSet;
    return this.#with(uid, (tables) => {
      // A name means one state, of whatever kind it was.
      if (what === "keyed" && isStateCalled(name, nameIn(name))) {
        for (const other of tables.keys()) if (isStateCalled(other, nameIn(name))) tables.delete(other);
      }
      tables.set(name, { kind: what, dataSet, layoutFor });
    });
  }

  /** The same without a state. @throws {PlanError} STATE_UNKNOWN */
  withoutState(uid: string, state: string | StateDescriptor): Savepoint {
    const [name] = this.#found(uid, state);
    return this.#with(uid, (tables) => tables.delete(name));
  }

  /** The same without all that a step had. @throws {PlanError} STATE_UNKNOWN */
  withoutOperator(uid: string): Savepoint {
    this.#tables(uid);
    const states = new Map(this.#content.states);
    states.delete(uid);
    const { [uid]: _, ...steps } = this.#content.steps;
    return new Savepoint(this.#environment, { ...this.#content, states, steps });
  }

  /** The same with the state of a step under another uid. @throws {PlanError} STATE_UNKNOWN, SAVEPOINT_UID_TAKEN */
  renamedOperator(uid: string, newUid: string): Savepoint {
    const tables = this.#tables(uid);
    if (typeof newUid !== "string" || newUid === "") throw notText("renamedOperator", newUid, "the new uid of a step");
    if (newUid !== uid && this.#content.states.has(newUid)) throw uidTaken(newUid);
    const moved = this.withoutOperator(uid).#content;
    const states = new Map(moved.states).set(newUid, tables);
    const name = this.#content.steps[uid];
    const steps = name === undefined ? moved.steps : { ...moved.steps, [newUid]: name };
    return new Savepoint(this.#environment, { ...moved, states, steps });
  }

  /**
   * Computes states that were given as datasets, and writes a savepoint that is complete in itself: durable, and under its
   * path, when this has resolved; else there is nothing. States that were not given anew have the bytes that they had.
   * @throws {PlanError} SAVEPOINT_EXISTS, STATE_COLUMNS_INVALID
   * @throws {EvaluationError} STATE_KEY_DUPLICATE, STATE_MAP_KEY_NULL, STATE_KEY_GROUP_INVALID
   */
  async write(path: string, options: { signal?: AbortSignal } = {}): Promise<WrittenSavepoint> {
    checkPath("write", path);
    const signal = checkedSignal("write", options);
    const { files, clock, processes, random, scheduler } = this.#environment.context.host;
    const { states, steps, jobName, maxParallelism, ...rest } = this.#content;
    const workspace = new Workspace(kernelModule());
    const target = await SavepointTarget.take(path, {
      files,
      checksum: (bytes, crc) => crc32cOf(workspace, [bytes], crc),
      nowMs: () => clock.nowMs(),
      turn: () => scheduler.yield(),
      token: `${processes.token}-${uniqueId(random)}`,
    });
    try {
      const pending = [...states.values()].flatMap((tables) => [...tables.values()].filter(isPending));
      const encoded = await encodedStates(workspace, pending, maxParallelism, signal);
      const operators: Record<string, OperatorSnapshot> = Object.create(null);
      for (const [uid, tables] of states) {
        const stored = [...tables].map(([name, state]): [string, StoredState] => {
          return [name, isPending(state) ? { kind: state.kind, parts: [encoded.get(state) as Uint8Array] } : state];
        });
        operators[uid] = { tables: Object.fromEntries(stored) };
      }
      const snapshot: JobSnapshot = { ...rest, maxParallelism, operators };
      return await target.write(snapshot, { steps, jobName }, signal);
    } catch (thrown) {
      await target.discard();
      throw thrown;
    }
  }

  /** How rows become a state, once their columns are known. */
  #layouts(
    uid: string,
    state: string | StateDescriptor,
    kind: StateKind,
    keys: readonly string[] | undefined,
  ): (schema: Schema) => StateLayout {
    if (typeof state === "string") {
      const [table, found] = this.#found(uid, state);
      const what = `the state "${table}" of the step "${uid}"`;
      if (isPending(found)) return found.layoutFor;
      const described = { table, kind: found.kind, columns: columnsOf(found) };
      return (rows) => stateLayout(what, described, rows);
    }
    const wanted = kind === "broadcast" ? ["map"] : kind === "keyed" ? [state?.kind] : ["list"];
    if (typeof state?.name !== "string" || !wanted.includes(state.kind)) {
      throw notText(
        "withState",
        state,
        `a state of kind "${kind}": ${kind === "keyed" ? "a descriptor" : `${wanted}State(...)`}`,
      );
    }
    const what = `the state "${state.name}" of the step "${uid}"`;
    const known = this.#keysOf(uid);
    return (rows) => {
      const named = keys?.map((name): Field => ({ name, type: rows.typeOf(name) }));
      const own = kind === "keyed" ? (known ?? named ?? keysAmong(rows, state)) : [];
      if (known !== undefined && named !== undefined && !sameNames(known, named)) throw otherKeys(what, known, named);
      return stateLayout(what, { kind, ...describedTable(state, kind, own) }, rows);
    };
  }

  /** The key of a step's states, where it has some. */
  #keysOf(uid: string): readonly Field[] | undefined {
    for (const state of this.#content.states.get(uid)?.values() ?? []) {
      if (state.kind !== "keyed") continue;
      const keys = columnsOf(state).filter(({ isKey }) => isKey);
      if (keys.length > 0) return keys.map(({ name, type }) => ({ name, type }));
    }
    return undefined;
  }

  #tables(uid: string): ReadonlyMap<string, StoredState | PendingState> {
    const tables = this.#content.states.get(uid);
    if (tables !== undefined) return tables;
    throw unknown(`The savepoint has no state of a step ${describeValue(uid)}.`, [...this.#content.states.keys()]);
  }

  #found(uid: string, state: string | StateDescriptor): [table: string, state: StoredState | PendingState] {
    const tables = this.#tables(uid);
    const given = typeof state === "string" ? state : state?.name;
    const exact = typeof state === "string" ? state : `${state?.kind}:${given}`;
    const named = [...tables].filter(([name]) => nameIn(name) === given);
    const found = [...tables].filter(([name]) => name === exact);
    if (found.length === 1) return found[0];
    if (named.length === 1) return named[0];
    const several = named.length > 1 ? `several states ${describeValue(given)}` : `no state ${describeValue(given)}`;
    throw unknown(
      `The step "${uid}" has ${several}.`,
      named.length > 1 ? named.map(([name]) => name) : [...tables.keys()],
    );
  }

  #with(uid: string, change: (tables: Map<string, StoredState | PendingState>) => void): Savepoint {
    const tables = new Map(this.#content.states.get(uid));
    change(tables);
    const states = new Map(this.#content.states).set(uid, tables);
    return new Savepoint(this.#environment, { ...this.#content, states });
  }
}

const sorted = <T>(entries: ReadonlyMap<string, T>): [string, T][] => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

const nameIn = (table: string): string => table.slice(table.indexOf(":") + 1);
const isStateCalled = (table: string, name: string): boolean =>
  /^(value|list|map|reducing|aggregating):/.test(table) && nameIn(table) === name;

/** None where they are not known yet. */
function columnsOf(state: StoredState | PendingState): readonly StateColumn[] {
  if (!isPending(state)) return stateColumns(state.kind, tableFormat().tableShape(state.parts[0]).schema.fields);
  const { node } = state.dataSet.plan;
  return node === undefined ? [] : state.layoutFor(node.schema).columns;
}

const sameNames = (a: readonly Field[], b: readonly Field[]): boolean =>
  a.length === b.length && a.every(({ name }, i) => name === b[i].name);

function checkPath(method: string, path: unknown): void {
  if (typeof path !== "string" || path === "") throw notText(method, path, "the path of a directory");
}

const notText = (method: string, given: unknown, wanted: string): PlanError =>
  new PlanError("ARGUMENT_INVALID", `${method} was given ${describeValue(given)}.`, `It takes ${wanted}.`);

const unknown = (whatHappened: string, known: readonly string[]): PlanError =>
  new PlanError(
    "STATE_UNKNOWN",
    whatHappened,
    known.length === 0 ? "It has none." : `There is ${known.map((name) => JSON.stringify(name)).join(", ")}.`,
  );

const uidTaken = (uid: string): PlanError =>
  new PlanError(
    "SAVEPOINT_UID_TAKEN",
    `The savepoint has state of a step "${uid}" already.`,
    "Take that away first with withoutOperator, or give another uid.",
  );

function otherKeys(what: string, known: readonly Field[], given: readonly Field[]): PlanError {
  const text = (fields: readonly Field[]) => fields.map(({ name }) => `"${name}"`).join(", ");
  return new PlanError(
    "STATE_COLUMNS_INVALID",
    `${what[0].toUpperCase()}${what.slice(1)} was given the key ${text(given)}, and other states of the step have ${text(known)}.`,
    "All keyed states of a step have one key: leave the option keys out.",
  );
}
