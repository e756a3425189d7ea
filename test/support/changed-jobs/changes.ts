import fc from "fast-check";
import {
  AGGREGATES,
  type Aggregate,
  anyState,
  anyStep,
  type FunctionStep,
  type Job,
  type JoinStep,
  jobText,
  type KeyColumn,
  type StateShape,
  type Step,
  type TotalStep,
  withUid,
} from "./job.ts";
import { type Field, OTHERS, type Scalar, type Shape, WIDER } from "./shapes.ts";

/** New names by old ones, by uid. */
export type RenamedState = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** How a job goes on as another one. */
export interface Change {
  readonly job: Job;
  readonly renamedState: RenamedState;
  readonly allowNonRestoredState: boolean;
  /** The code of the error that it is refused with, if the step of `because` has rows of state. */
  readonly refusal?: string;
  readonly because?: Step;
}

/** One thing that is done to a job; where it cannot be done, nothing is. */
interface Edit<N extends string = string> {
  readonly name: N;
  /** Which step, state, field or column, modulo how many there are. */
  readonly at: number;
  readonly pick: number;
  readonly step: Step;
  readonly state: Omit<StateShape, "name">;
}

/** A job under change, with what it was. */
interface Draft {
  readonly old: Job;
  steps: Step[];
  maxParallelism: number;
  readonly renamed: Record<string, Record<string, string>>;
  hasRemoved: boolean;
  /** Makes names that no job of the case has. */
  readonly fresh: (prefix: string) => string;
}

const chosen = <T>(all: readonly T[], at: number): T | undefined =>
  all.length === 0 ? undefined : all[at % all.length];
const moved = <T>(all: readonly T[], from: number, to: number): T[] => {
  const others = all.filter((_, i) => i !== from);
  return [...others.slice(0, to), all[from], ...others.slice(to)];
};
const replaced = <T>(all: readonly T[], old: T, now: T): T[] => all.map((each) => (each === old ? now : each));

type StepOf<K extends Step["kind"]> = Extract<Step, { kind: K }>;
type Stateful = Exclude<Step, { kind: "plain" }>;

const stepOf = <K extends Step["kind"]>({ steps }: Draft, kinds: readonly K[], at: number): StepOf<K> | undefined =>
  chosen(steps.filter(({ kind }) => (kinds as readonly string[]).includes(kind)) as StepOf<K>[], at);
const ALL_KINDS = ["function", "window", "total", "join"] as const;

/** The step as the old job has it. */
const oldOf = <S extends Stateful>({ old }: Draft, { uid }: S): S | undefined =>
  old.steps.find((step) => step.kind !== "plain" && step.uid === uid) as S | undefined;

function put<S extends Stateful>(draft: Draft, step: S, now: S): void {
  draft.steps = replaced(draft.steps, step as Step, now as Step);
}

/** What a name of a step was called in the old job. */
function originalName({ renamed }: Draft, uid: string, name: string): string {
  return Object.entries(renamed[uid] ?? {}).find(([, now]) => now === name)?.[0] ?? name;
}

/** Gives what the old job has under a name a new one, once; undefined where that cannot be. */
function rename(draft: Draft, uid: string, name: string, isOld: boolean): string | undefined {
  const isRenamed = originalName(draft, uid, name) !== name || Object.hasOwn(draft.renamed[uid] ?? {}, name);
  if (!isOld || isRenamed) return undefined;
  const now = draft.fresh(name[0]);
  draft.renamed[uid] = { ...draft.renamed[uid], [name]: now };
  return now;
}

const oldState = (draft: Draft, step: FunctionStep, { name }: StateShape): StateShape | undefined => {
  const original = originalName(draft, step.uid, name);
  return oldOf(draft, step)?.states.find((state) => state.name === original);
};

const fieldsOf = (shape: Shape): readonly Field[] => (typeof shape === "string" ? [] : shape);

const oldField = (draft: Draft, step: FunctionStep, state: StateShape, { name }: Field): Field | undefined => {
  const original = originalName(draft, step.uid, name);
  return fieldsOf(oldState(draft, step, state)?.shape ?? []).find((field) => field.name === original);
};

function putState(draft: Draft, step: FunctionStep, state: StateShape, now: StateShape): void {
  put(draft, step, { ...step, states: replaced(step.states, state, now) });
}

const wider = (scalar: Scalar, pick: number): Scalar => chosen(WIDER[scalar], pick) ?? scalar;

/** What floats hash to is nothing that whole numbers do: rows of such keys go to other key groups. */
const WIDER_KEYS: Readonly<Record<string, readonly KeyColumn["scalar"][]>> = {
  int16: ["float64", "int32", "int64"],
  int32: ["float64", "int64"],
};

/** Aggregates that are kept up to date count rows, to know when there is none left of a key. */
const isCountedAnyway = ({ kind }: Step, aggregate: Aggregate): boolean => kind === "total" && aggregate === "rows";

/** Changes that keep all that the job needs. */
const COMPATIBLE: Readonly<Record<string, (draft: Draft, edit: Edit) => void>> = {
  "add a step": (draft, { at, step }) => {
    const place = at % (draft.steps.length + 1);
    draft.steps = moved([...draft.steps, withUid(step, draft.fresh("u"))], draft.steps.length, place);
  },
  "remove a step": (draft, { at }) => {
    const step = chosen(draft.steps, at);
    if (step !== undefined && step.kind !== "plain" && oldOf(draft, step) !== undefined) draft.hasRemoved = true;
    draft.steps = draft.steps.filter((each) => each !== step);
  },
  "move a step": (draft, { at, pick }) => {
    if (draft.steps.length > 0) draft.steps = moved(draft.steps, at % draft.steps.length, pick % draft.steps.length);
  },
  "ask elsewhere": (draft, { at }) => {
    const step = stepOf(draft, ["function"], at);
    if (step !== undefined) put(draft, step, { ...step, asksInOpen: !step.asksInOpen });
  },
  "add a state": (draft, { at, pick, state }) => {
    const step = stepOf(draft, ["function"], at);
    if (step === undefined) return;
    const states = [...step.states, { ...state, name: draft.fresh("s") }];
    put(draft, step, { ...step, states: moved(states, states.length - 1, pick % states.length) });
  },
  "remove a state": (draft, { at, pick }) => {
    const step = stepOf(draft, ["function"], at);
    const state = chosen(step?.states ?? [], pick);
    if (step !== undefined) put(draft, step, { ...step, states: step.states.filter((each) => each !== state) });
  },
  "rename a state": (draft, { at, pick }) => {
    const step = stepOf(draft, ["function"], at);
    const state = chosen(step?.states ?? [], pick);
    if (step === undefined || state === undefined) return;
    const name = rename(draft, step.uid, state.name, oldState(draft, step, state) !== undefined);
    if (name !== undefined) putState(draft, step, state, { ...state, name });
  },
  "widen a state": (draft, { at, pick }) => {
    const step = stepOf(draft, ["function"], at);
    const state = chosen(step?.states ?? [], pick);
    if (step === undefined || state === undefined) return;
    const { shape } = state;
    const field = chosen(fieldsOf(shape), pick);
    const now =
      typeof shape === "string"
        ? wider(shape, pick)
        : shape.map((each) => (each === field ? { ...each, scalar: wider(each.scalar, pick) } : each));
    putState(draft, step, state, { ...state, shape: now });
  },
  "widen the keys of a map": (draft, { at, pick }) => {
    const step = stepOf(draft, ["function"], at);
    const state = chosen(step?.states.filter(({ kind }) => kind === "map") ?? [], pick);
    if (step === undefined || state === undefined) return;
    const { mapKey } = state;
    putState(draft, step, state, { ...state, mapKey: mapKey === "int16" ? "int32" : "int64" });
  },
  "give or take a time to live": (draft, { at, pick }) => {
    const step = stepOf(draft, ["function"], at);
    const state = chosen(step?.states ?? [], pick);
    if (step !== undefined && state !== undefined) putState(draft, step, state, { ...state, hasTtl: !state.hasTtl });
  },
  "add a field": (draft, { at, pick, state: { shape } }) => {
    const step = stepOf(draft, ["function"], at);
    const state = chosen(step?.states.filter((each) => typeof each.shape !== "string") ?? [], pick);
    if (step === undefined || state === undefined) return;
    const scalar = typeof shape === "string" ? shape : "int64";
    const fields = [...fieldsOf(state.shape), { name: draft.fresh("p"), scalar }];
    putState(draft, step, state, { ...state, shape: moved(fields, fields.length - 1, pick % fields.length) });
  },
  "drop a field": (draft, { at, pick }) => {
    const step = stepOf(draft, ["function"], at);
    const state = chosen(step?.states.filter((each) => typeof each.shape !== "string") ?? [], pick);
    if (step === undefined || state === undefined) return;
    const dropped = chosen(fieldsOf(state.shape), pick);
    const shape = fieldsOf(state.shape).filter((each) => each !== dropped);
    // One that has nothing in common with what it was is another state.
    if (shape.every((each) => oldField(draft, step, state, each) === undefined)) return;
    putState(draft, step, state, { ...state, shape });
  },
  "rename a field": (draft, { at, pick }) => {
    const step = stepOf(draft, ["function"], at);
    const old = step === undefined ? undefined : oldOf(draft, step);
    const field = chosen(old?.states.flatMap(({ shape }) => fieldsOf(shape)) ?? [], pick);
    if (step === undefined || field === undefined) return;
    const name = rename(draft, step.uid, field.name, true);
    if (name === undefined) return;
    const shapeOf = (shape: Shape): Shape =>
      typeof shape === "string" ? shape : shape.map((each) => (each.name === field.name ? { ...each, name } : each));
    put(draft, step, { ...step, states: step.states.map((each) => ({ ...each, shape: shapeOf(each.shape) })) });
  },
  "widen a key": (draft, { at, pick }) => {
    const step = stepOf(draft, ALL_KINDS, at);
    const column = chosen(step?.key ?? [], pick);
    if (step === undefined || column === undefined) return;
    const now = { ...column, scalar: chosen(WIDER_KEYS[column.scalar] ?? [], at) ?? column.scalar };
    put(draft, step, { ...step, key: replaced(step.key, column, now) } as Stateful);
  },
  "rename a key": (draft, { at, pick }) => {
    const step = stepOf(draft, ALL_KINDS, at);
    const column = chosen(step?.key ?? [], pick);
    if (step === undefined || column === undefined) return;
    const old = oldOf(draft, step as Stateful);
    const name = rename(draft, step.uid, column.name, old?.key.some((each) => each.name === column.name) === true);
    if (name !== undefined)
      put(draft, step, { ...step, key: replaced(step.key, column, { ...column, name }) } as Stateful);
  },
  "join by one column less": (draft, { at, pick }) => {
    const step = stepOf(draft, ["join"], at);
    if (step === undefined || step.key.length === 1) return;
    put(draft, step, { ...step, key: step.key.filter((_, i) => i === pick % step.key.length) });
  },
  "leave an aggregate out": (draft, { at, pick }) => {
    const step = stepOf(draft, ["window", "total"], at);
    if (step === undefined || step.aggregates.length === 1) return;
    const aggregates = step.aggregates.filter((_, i) => i !== pick % step.aggregates.length);
    put(draft, step, { ...step, aggregates });
  },
  "count rows too": (draft, { at, pick }) => {
    const step = stepOf(draft, ["total"], at);
    if (step === undefined || step.aggregates.includes("rows")) return;
    const aggregates: TotalStep["aggregates"] = [...step.aggregates, "rows"];
    put(draft, step, { ...step, aggregates: moved(aggregates, aggregates.length - 1, pick % aggregates.length) });
  },
  "move an aggregate": (draft, { at, pick }) => {
    const step = stepOf(draft, ["window", "total"], at);
    if (step !== undefined)
      put(draft, step, { ...step, aggregates: moved(step.aggregates, 0, pick % step.aggregates.length) });
  },
  "add a column": (draft, { at, pick }) => {
    const step = stepOf(draft, ["join"], at);
    if (step === undefined) return;
    const columns: JoinStep["columns"] = [
      ...step.columns,
      { name: draft.fresh("x"), scalar: pick % 2 === 0 ? "utf8" : "int64" },
    ];
    put(draft, step, { ...step, columns: moved(columns, columns.length - 1, pick % columns.length) });
  },
  "drop a column": (draft, { at, pick }) => {
    const step = stepOf(draft, ["join"], at);
    if (step === undefined || step.columns.length === 1) return;
    put(draft, step, { ...step, columns: step.columns.filter((_, i) => i !== pick % step.columns.length) });
  },
  "widen a column": (draft, { at, pick }) => {
    const step = stepOf(draft, ["join"], at);
    const column = chosen(step?.columns.filter(({ scalar }) => scalar === "int32") ?? [], pick);
    if (step === undefined || column === undefined) return;
    const scalar = pick % 2 === 0 ? ("int64" as const) : ("float64" as const);
    put(draft, step, { ...step, columns: replaced(step.columns, column, { ...column, scalar }) });
  },
  "rename a column": (draft, { at, pick }) => {
    const step = stepOf(draft, ["join"], at);
    const column = chosen(step?.columns ?? [], pick);
    if (step === undefined || column === undefined) return;
    const isOld = oldOf(draft, step)?.columns.some(({ name }) => name === column.name) === true;
    const name = rename(draft, step.uid, column.name, isOld);
    if (name !== undefined) put(draft, step, { ...step, columns: replaced(step.columns, column, { ...column, name }) });
  },
};

/** Whether a savepoint of the old job has state of a step for certain. */
const isKept = (step: Stateful | undefined): boolean =>
  step !== undefined && (step.kind !== "function" || (step.asksInOpen && step.states.length > 0));

const keptStep = <K extends Stateful["kind"]>(draft: Draft, kinds: readonly K[], at: number): StepOf<K> | undefined => {
  const kept = { ...draft, steps: draft.steps.filter((step) => step.kind !== "plain" && isKept(oldOf(draft, step))) };
  return stepOf(kept, kinds, at);
};

/** A function that asks for its states in `open`, and a state of it that the savepoint has. */
function keptState(draft: Draft, at: number, pick: number): [FunctionStep, StateShape, StateShape] | undefined {
  const found = keptStep(draft, ["function"], at);
  if (found === undefined) return undefined;
  const step = { ...found, asksInOpen: true };
  put(draft, found, step);
  const state = chosen(
    step.states.filter((each) => oldState(draft, step, each) !== undefined),
    pick,
  );
  const old = state === undefined ? undefined : oldState(draft, step, state);
  return state === undefined || old === undefined ? undefined : [step, state, old];
}

const NUMBERS = ["int16", "int32", "int64"] as const;

interface Refusal {
  readonly code: string;
  /** Without state of this step nothing is refused. */
  readonly step?: Step;
}

/** Changes that a job is refused with; each tells how, or undefined where it cannot be done. */
const REFUSED: Readonly<Record<string, (draft: Draft, edit: Edit) => Refusal | undefined>> = {
  "change maxParallelism": (draft, { pick }) => {
    draft.maxParallelism += 1 + (pick % 5);
    return { code: "MAX_PARALLELISM_CHANGED" };
  },
  "remove a step and its state": (draft, { at }) => {
    const step = keptStep(draft, ALL_KINDS, at);
    if (step === undefined) return undefined;
    draft.steps = draft.steps.filter((each) => each !== (step as Step));
    return { code: "STATE_NOT_IN_JOB", step };
  },
  "give a step another uid": (draft, { at }) => {
    const step = keptStep(draft, ALL_KINDS, at);
    if (step === undefined) return undefined;
    draft.steps = replaced(draft.steps, step as Step, withUid(step as Step, draft.fresh("u")));
    return { code: "STATE_NOT_IN_JOB", step };
  },
  "change the type of a state": (draft, { at, pick }) => {
    const [step, state, old] = keptState(draft, at, pick) ?? [];
    if (step === undefined || state === undefined || old === undefined) return undefined;
    const { shape } = state;
    if (typeof shape === "string" || typeof old.shape === "string") {
      const scalar = typeof old.shape === "string" ? chosen(OTHERS[old.shape], pick) : undefined;
      putState(draft, step, state, { ...state, shape: scalar ?? "int64" });
      return { code: "STATE_INCOMPATIBLE", step };
    }
    const field = chosen(
      shape.filter((each) => oldField(draft, step, state, each) !== undefined),
      pick,
    );
    if (field === undefined) return undefined;
    const scalar = chosen(OTHERS[oldField(draft, step, state, field)?.scalar ?? "utf8"], pick) ?? "utf8";
    putState(draft, step, state, { ...state, shape: replaced(shape, field, { ...field, scalar }) });
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "change the kind of a state": (draft, { at, pick }) => {
    const [step, state, old] = keptState(draft, at, pick) ?? [];
    if (step === undefined || state === undefined || old === undefined) return undefined;
    putState(draft, step, state, { ...state, kind: old.kind === "list" ? "value" : "list" });
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "give a struct other fields": (draft, { at, pick }) => {
    const [step, state, old] = keptState(draft, at, pick) ?? [];
    if (step === undefined || state === undefined || old === undefined || typeof old.shape === "string")
      return undefined;
    putState(draft, step, state, { ...state, shape: [{ name: draft.fresh("p"), scalar: "int64" }] });
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "make a struct of a scalar": (draft, { at, pick }) => {
    const [step, state, old] = keptState(draft, at, pick) ?? [];
    if (step === undefined || state === undefined || typeof old?.shape !== "string") return undefined;
    putState(draft, step, state, { ...state, shape: [{ name: "p", scalar: old.shape }] });
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "narrow the keys of a map": (draft, { at, pick }) => {
    const [step, state, old] = keptState(draft, at, pick) ?? [];
    if (step === undefined || state?.kind !== "map" || old === undefined) return undefined;
    const narrower = chosen(NUMBERS.slice(0, NUMBERS.indexOf(old.mapKey)), pick);
    if (narrower === undefined) return undefined;
    putState(draft, step, state, { ...state, mapKey: narrower });
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "rename a state to one that is there": (draft, { at, pick }) => {
    const [step, state, old] = keptState(draft, at, pick) ?? [];
    if (step === undefined || state === undefined || old === undefined || draft.renamed[step.uid] !== undefined)
      return undefined;
    const other = oldOf(draft, step)?.states.find(({ name, kind }) => name !== old.name && kind === old.kind);
    if (other === undefined) return undefined;
    draft.renamed[step.uid] = { [other.name]: old.name };
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "rename a field to one that is there": (draft, { at, pick }) => {
    const [step, state, old] = keptState(draft, at, pick) ?? [];
    const [one, other] = fieldsOf(old?.shape ?? []);
    if (step === undefined || state === undefined || other === undefined) return undefined;
    if (draft.renamed[step.uid] !== undefined) return undefined;
    draft.renamed[step.uid] = pick % 2 === 0 ? { [one.name]: other.name } : { [other.name]: one.name };
    putState(draft, step, state, { ...state, shape: [pick % 2 === 0 ? other : one] });
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "let two names change places": (draft, { at, pick }) => {
    const [step, state, old] = keptState(draft, at, pick) ?? [];
    if (step === undefined || state === undefined || old === undefined) return undefined;
    draft.renamed[step.uid] = { [old.name]: "other", other: old.name };
    return { code: "OPTION_INVALID" };
  },
  "change the type of a key": (draft, { at, pick }) => {
    const step = keptStep(draft, ALL_KINDS, at);
    const old = step === undefined ? undefined : oldOf(draft, step as Stateful);
    const column = chosen(step?.key ?? [], pick);
    if (step === undefined || column === undefined) return undefined;
    const original = originalName(draft, step.uid, column.name);
    const was = old?.key.find(({ name }) => name === original)?.scalar ?? "utf8";
    const scalar = was === "utf8" ? "int32" : "utf8";
    put(draft, step as Stateful, { ...step, key: replaced(step.key, column, { ...column, scalar }) } as Stateful);
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "narrow a key": (draft, { at, pick }) => {
    const step = keptStep(draft, ALL_KINDS, at);
    const old = step === undefined ? undefined : oldOf(draft, step as Stateful);
    const column = chosen(step?.key.filter(({ scalar }) => scalar !== "utf8") ?? [], pick);
    if (step === undefined || column === undefined) return undefined;
    const original = originalName(draft, step.uid, column.name);
    const was = old?.key.find(({ name }) => name === original)?.scalar;
    const scalar = chosen(NUMBERS.slice(0, NUMBERS.indexOf(was as "int16")), pick);
    if (scalar === undefined) return undefined;
    put(draft, step as Stateful, { ...step, key: replaced(step.key, column, { ...column, scalar }) } as Stateful);
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "key by one more column": (draft, { at }) => {
    const step = keptStep(draft, ALL_KINDS, at);
    if (step === undefined) return undefined;
    const column: KeyColumn = { name: draft.fresh("c"), scalar: "utf8" };
    put(draft, step as Stateful, { ...step, key: [...step.key, column] } as Stateful);
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "key by one column less": (draft, { at, pick }) => {
    const step = keptStep(draft, ["function", "window", "total"], at);
    if (step === undefined || step.key.length === 1) return undefined;
    put(draft, step as Stateful, { ...step, key: step.key.filter((_, i) => i === pick % 2) } as Stateful);
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "add an aggregate": (draft, { at, pick }) => {
    const step = keptStep(draft, ["window", "total"], at);
    const old = step === undefined ? undefined : oldOf(draft, step);
    const more = chosen(
      AGGREGATES.filter((each) => old?.aggregates.includes(each) === false && !isCountedAnyway(old, each)),
      pick,
    );
    if (step === undefined || more === undefined) return undefined;
    put(draft, step, { ...step, aggregates: [...step.aggregates, more] });
    return { code: "STATE_INCOMPATIBLE", step };
  },
  "narrow a column": (draft, { at, pick }) => {
    const step = keptStep(draft, ["join"], at);
    const old = step === undefined ? undefined : oldOf(draft, step);
    const wasWide = ({ name }: { readonly name: string }) =>
      old?.columns.some((each) => each.name === originalName(draft, step?.uid ?? "", name) && each.scalar !== "int32");
    const column = chosen(step?.columns.filter(wasWide) ?? [], pick);
    if (step === undefined || column === undefined) return undefined;
    put(draft, step, { ...step, columns: replaced(step.columns, column, { ...column, scalar: "int32" }) });
    return { code: "STATE_INCOMPATIBLE", step };
  },
};

const anyEdit = <N extends string>(names: readonly N[]): fc.Arbitrary<Edit<N>> =>
  fc.record({ name: fc.constantFrom(...names), at: fc.nat(11), pick: fc.nat(11), step: anyStep, state: anyState });

const anyEdits = fc.array(anyEdit(Object.keys(COMPATIBLE)), { maxLength: 6, size: "max" });

/** Makes a changed job of one; `number` tells its names from those of other changes. */
export type MakeChange = (job: Job, number: number) => Change;

const begin = (old: Job, number: number): Draft => {
  let names = 0;
  const fresh = (prefix: string): string => `${prefix}${number}${"abcdefghijklmnopqrstuvwxyz"[names++]}`;
  return { old, steps: [...old.steps], maxParallelism: old.maxParallelism, renamed: {}, hasRemoved: false, fresh };
};

function end({ steps, maxParallelism, renamed, hasRemoved }: Draft, refusal?: Refusal): Change {
  const known = new Set(steps.flatMap((step) => (step.kind === "plain" ? [] : [step.uid])));
  const left = Object.entries(renamed).filter(([uid]) => known.has(uid));
  return {
    job: { steps, maxParallelism },
    renamedState: Object.fromEntries(left),
    allowNonRestoredState: hasRemoved,
    ...(refusal === undefined ? {} : { refusal: refusal.code }),
    ...(refusal?.step === undefined ? {} : { because: refusal.step }),
  };
}

const named = (names: readonly string[], make: MakeChange): MakeChange =>
  Object.assign(make, { [fc.toStringMethod]: () => names.join(", then ") || "nothing" });

/** Changes that lose nothing. */
export const anyChange: fc.Arbitrary<MakeChange> = anyEdits.map((edits) =>
  named(
    edits.map(({ name }) => name),
    (job, number) => {
      const draft = begin(job, number);
      for (const edit of edits) COMPATIBLE[edit.name](draft, edit);
      return end(draft);
    },
  ),
);

/** Changes of which one cannot be; where the job has nothing to do it to, all of them lose nothing. */
export const anyRefusedChange: fc.Arbitrary<MakeChange> = fc
  .tuple(anyEdits, anyEdit(Object.keys(REFUSED)))
  .map(([edits, refused]) =>
    named([...edits.map(({ name }) => name), refused.name], (job, number) => {
      const draft = begin(job, number);
      const isRemoval = refused.name === "remove a step and its state" || refused.name === "give a step another uid";
      for (const edit of edits) if (!isRemoval || edit.name !== "remove a step") COMPATIBLE[edit.name](draft, edit);
      return end(draft, REFUSED[refused.name](draft, refused));
    }),
  );

export const changeText = ({ job, renamedState, allowNonRestoredState, refusal }: Change): string =>
  [
    jobText(job),
    ...(Object.keys(renamedState).length === 0 ? [] : [`  renamedState ${JSON.stringify(renamedState)}`]),
    ...(allowNonRestoredState ? ["  allowNonRestoredState"] : []),
    ...(refusal === undefined ? [] : [`  which is ${refusal}`]),
  ].join("\n    ");
