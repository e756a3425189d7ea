import { loadModule } from "../api/module-function.ts";
import { crc32cOf } from "../core/checksum.ts";
import { PlanError } from "../core/errors.ts";
import { escapeControls } from "../core/escape-controls.ts";
import { loadTableFormat } from "../core/snapshot-tables.ts";
import { Workspace } from "../core/workspace.ts";
import type { RestoreOptions } from "../datastream/restore-options.ts";
import { checkSavepoint } from "../datastream/savepoint-check.ts";
import { kernelModule } from "../host/kernel-module.ts";
import { nodeHost } from "../host/node-host.ts";
import { type OpenedSavepoint, openSavepoint } from "../state/savepoints/read-savepoint.ts";
import { StateContents, type StateRow, type StateTableSummary } from "../state/savepoints/state-contents.ts";
import { plainText, stateDifferences } from "../state/savepoints/state-difference.ts";
import { describeFailure, invalid, parseArguments, wholeNumber } from "./command-line.ts";
import { rowFilter } from "./row-filter.ts";

export interface SavepointCommandContext {
  print(line: string): void;
  printError(line: string): void;
}

export const SAVEPOINT_USAGE = `millrace savepoint inspect <path>                       what is in it, step by step
millrace savepoint query <path> <uid> <state>           rows of one state, as JSON lines
millrace savepoint diff <path> <other path>             keys that have come, gone and changed, state by state
millrace savepoint check <path> <job module> [-- arguments of the job]
                                                        whether the job can go on from it; opens its functions

<path> is the directory of a savepoint, or of a checkpoint (chk-...) in the directory of a job.

  --json                          of inspect, diff and check: for programs
  --columns <a,b>                 of query: these alone
  --where <condition>             of query: "key.word = tea and value > 3"; also !=, <, <=, >=, is null, is not null
  --limit <n>                     of query: so many at most
  --max-parallelism <n>           of check: as the job will have it (default 128)
  --parallelism <n>
  --allow-non-restored-state      of check: state of steps that the job lacks may be left behind
  --renamed-state <json>          of check: new names by old ones, by uid: '{"sums":{"total":"sum"}}'

Exit codes: 0 done (diff: no difference), 1 failed, refused, or different, 2 a wrong command.`;

interface Given {
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | true>>;
  readonly args: ReturnType<typeof parseArguments>;
}

const KNOWN: Readonly<Record<string, { words: number; options: readonly string[] }>> = {
  inspect: { words: 1, options: ["json"] },
  query: { words: 3, options: ["columns", "where", "limit"] },
  diff: { words: 2, options: ["json"] },
  check: { words: 2, options: ["json", "parallelism", "max-parallelism", "allow-non-restored-state", "renamed-state"] },
};
/** Options without a value: what follows them is something else. */
const FLAGS = ["--json", "--allow-non-restored-state"];

/** `millrace savepoint`: gives the exit code of the process. */
export async function savepointCommand(argv: readonly string[], context: SavepointCommandContext): Promise<number> {
  let isJson = false;
  try {
    const [command, ...rest] = argv;
    const given = parse(command, rest);
    isJson = given.options.json === true;
    return await COMMANDS[command](given, context);
  } catch (thrown) {
    if (isJson && argv[0] === "check" && thrown instanceof Error) {
      const { code } = thrown as { code?: string };
      context.print(JSON.stringify({ ok: false, code: code ?? "INTERNAL", message: thrown.message }));
    } else for (const line of describeFailure(thrown)) context.printError(line);
    return thrown instanceof PlanError && thrown.code === "COMMAND_INVALID" ? 2 : 1;
  }
}

function parse(command: string | undefined, argv: readonly string[]): Given {
  if (command === undefined || !Object.hasOwn(KNOWN, command)) {
    throw invalid(command === undefined ? "No command was given." : `There is no command "savepoint ${command}".`);
  }
  const end = argv.indexOf("--");
  const [own, given] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const flags = own.filter((word) => FLAGS.includes(word));
  const { _: words, ...named } = parseArguments(own.filter((word) => !FLAGS.includes(word)));
  const options: Record<string, string | true> = { ...named };
  for (const flag of flags) options[flag.slice(2)] = true;
  const unknown = Object.keys(options).find((name) => !KNOWN[command].options.includes(name));
  if (unknown !== undefined) throw invalid(`"savepoint ${command}" has no option --${unknown}.`);
  if (words.length !== KNOWN[command].words) {
    throw invalid(`"savepoint ${command}" takes ${KNOWN[command].words} names, and was given ${words.length}.`);
  }
  return { words, options, args: parseArguments(given) };
}

const COMMANDS: Readonly<Record<string, (given: Given, context: SavepointCommandContext) => Promise<number>>> = {
  inspect: async ({ words: [path], options }, { print }) => {
    const { savepoint, contents } = await open(path);
    const { manifest, id } = savepoint;
    const { kind, takenAt, checkpointId, maxParallelism, isFinal, jobName, steps = {} } = manifest;
    const all = contents.uids.map((uid) => ({
      uid,
      name: steps[uid] ?? null,
      states: contents.tablesOf(uid).map((table) => contents.summary(uid, table)),
    }));
    const stateBytes = all.flatMap(({ states }) => states).reduce((sum, { bytes }) => sum + bytes, 0);
    const named = jobName === undefined ? {} : { jobName };
    const head = {
      kind,
      path: savepoint.path,
      id,
      ...named,
      takenAt,
      checkpointId,
      maxParallelism,
      isFinal,
      stateBytes,
    };
    if (options.json === true) {
      print(JSON.stringify({ ...head, steps: all }));
      return 0;
    }
    print(`${kind} ${id} in ${savepoint.path}`);
    if (jobName !== undefined) print(`of the job "${escapeControls(jobName)}"`);
    print(`taken at ${takenAt} as checkpoint ${checkpointId}; ${maxParallelism} key groups; ${stateBytes} bytes`);
    for (const { uid, name, states } of all) {
      print("");
      print(name === null || name === uid ? uid : `${uid}  (${name})`);
      for (const state of states) for (const line of described(state)) print(`  ${line}`);
    }
    return 0;
  },
  query: async ({ words: [path, uid, table], options }, { print }) => {
    const { contents } = await open(path);
    const { columns } = contents.summary(uid, table);
    const names = columns.map(({ name }) => name);
    const wanted = typeof options.columns === "string" ? options.columns.split(",").map((name) => name.trim()) : names;
    const missing = wanted.find((name) => !names.includes(name));
    if (missing !== undefined) throw invalid(`The state has no column "${missing}", but ${names.join(", ")}.`);
    const passes = options.where === undefined ? () => true : rowFilter(String(options.where), names);
    const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber("limit", options.limit);
    let printed = 0;
    for (const row of contents.rows(uid, table)) {
      if (printed >= limit) break;
      if (!passes(row)) continue;
      print(plainText(picked(row, wanted)));
      printed++;
    }
    return 0;
  },
  diff: async ({ words: [before, after], options }, { print }) => {
    const [a, b] = [await open(before), await open(after)];
    const differences = stateDifferences(a.contents, b.contents);
    if (options.json === true) print(JSON.stringify({ before, after, differences }));
    else {
      for (const { uid, table, added, removed, changed, examples } of differences) {
        print(`${uid} ${table}: ${added} added, ${removed} removed, ${changed} changed`);
        for (const { key, before: old, after: now } of examples) {
          if (old !== undefined) print(`  - ${key} ${old}`.trimEnd());
          if (now !== undefined) print(`  + ${key} ${now}`.trimEnd());
        }
      }
      if (differences.length === 0) print("no difference");
    }
    return differences.length === 0 ? 0 : 1;
  },
  check: async ({ words: [path, module], options, args }, { print }) => {
    const host = nodeHost();
    const loaded = await loadModule("savepoint check", module, host);
    const number = (name: string, as: string) =>
      options[name] === undefined ? {} : { [as]: wholeNumber(name, options[name]) };
    const environment = { ...number("parallelism", "parallelism"), ...number("max-parallelism", "maxParallelism") };
    const allowNonRestoredState = options["allow-non-restored-state"] === true;
    await loadTableFormat();
    const renamedState = renamedIn(options["renamed-state"] ?? "{}");
    const found = await checkSavepoint(host, path, loaded, { args, environment, allowNonRestoredState, renamedState });
    if (options.json === true) print(JSON.stringify({ ok: true, ...found }));
    else {
      print(`The job can go on from "${path}".`);
      const said = { "with state": found.restored, without: found.fresh, "left behind": found.left };
      for (const [what, uids] of Object.entries(said)) if (uids.length > 0) print(`  ${what}: ${uids.join(", ")}`);
    }
    return 0;
  },
};

function renamedIn(given: string | true): NonNullable<RestoreOptions["renamedState"]> {
  try {
    if (given !== true) return JSON.parse(given);
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
  }
  throw invalid(`The option --renamed-state is ${given === true ? "without a value" : given}, and no JSON.`);
}

async function open(path: string): Promise<{ savepoint: OpenedSavepoint; contents: StateContents }> {
  await loadTableFormat();
  const workspace = new Workspace(kernelModule());
  const savepoint = await openSavepoint(nodeHost().files, path, (bytes) => crc32cOf(workspace, [bytes]));
  return { savepoint, contents: new StateContents(workspace, await savepoint.read()) };
}

function described({ name, kind, parts, rows, bytes, columns, keyGroups }: StateTableSummary): string[] {
  const range = keyGroups === undefined ? "" : `, key groups ${keyGroups[0]} to ${keyGroups[1]}`;
  return [
    `${name}  ${kind}, ${rows} rows, ${bytes} bytes in ${parts} ${parts === 1 ? "part" : "parts"}${range}`,
    `  ${columns.map((column) => `${column.name}: ${column.type}`).join(", ")}`,
  ];
}

const picked = (row: StateRow, names: readonly string[]): StateRow =>
  Object.fromEntries(names.map((name) => [name, row[name]]));
