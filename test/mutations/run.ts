/*
 * npm run test:mutations [-- --list] [-- --only NAME[,NAME]] [-- --processes N] [-- --unchecked]
 *
 * Plants each mutation of test/mutations/planted by itself and runs the tests that are to find it, as `npm test` runs
 * them: the same seeds, the same number of cases. First they must pass without any, but for --unchecked. docs/mutations.md tells more.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runDirectory } from "../support/run-directory.ts";
import { allMutations, type Mutation, mutated, REPOSITORY } from "./mutation.ts";
import { PLANTED_MARK } from "./plugin.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

/** One run of vitest may take so long, on a machine that does other work too. */
const LONGEST_MS = 900_000;
const DEFAULT_PROCESSES = 2;
const PATIENT = "--testTimeout=600000";

interface Outcome {
  readonly mutation: Mutation;
  readonly verdict: Verdict;
  readonly seconds: number;
}

const folder = runDirectory("millrace-mutations-");

async function main(args: readonly string[]): Promise<number> {
  const given = (option: string) => (args.includes(option) ? args[args.indexOf(option) + 1] : undefined);
  const all = allMutations();
  if (args.includes("--list")) {
    for (const { name, law, bug } of all) console.log(`${name} (${law})\n    ${bug}`);
    console.log(`${all.length} mutations`);
    return 0;
  }
  const only = given("--only")?.split(",");
  const unknown = only?.filter((name) => !all.some((each) => each.name === name)) ?? [];
  if (unknown.length > 0) {
    console.error(`There is no mutation ${unknown.join(", ")}: --list tells which there are.`);
    return 1;
  }
  const chosen = all.filter(({ name }) => only?.includes(name) !== false);
  // Loudly, and before anything runs: what they change must still be there.
  for (const mutation of chosen) {
    for (const { file } of mutation.edits) mutated(mutation, file, readFileSync(join(REPOSITORY, file), "utf8"));
  }
  const startMs = Date.now();
  if (!args.includes("--unchecked") && !(await passUnmutated(chosen))) return 1;
  const queue = [...chosen];
  const outcomes: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
      const outcome = await plant(mutation);
      outcomes.push(outcome);
      console.log(`${String(outcomes.length).padStart(3)}/${chosen.length} ${lineOf(outcome)}`);
    }
  };
  const processes = Math.max(1, Number(given("--processes") ?? DEFAULT_PROCESSES));
  await Promise.all(Array.from({ length: processes }, work));
  return report(outcomes, Date.now() - startMs);
}

/** What is to find mutations must find nothing without one. */
async function passUnmutated(mutations: readonly Mutation[]): Promise<boolean> {
  const files = [...new Set(mutations.flatMap(({ foundBy }) => foundBy))];
  console.log(`Without mutations: ${files.length} test files`);
  const { exitCode, output } = await vitest(files, [], { name: "none", isMutated: false, limitMs: LONGEST_MS * 4 });
  if (exitCode === 0) return true;
  console.error(`The tests fail without any mutation, so that nothing can be told:\n${output}`);
  return false;
}

async function plant(mutation: Mutation): Promise<Outcome> {
  const { name, foundBy, only } = mutation;
  const startMs = Date.now();
  const options = ["--bail=1", "--maxWorkers=1", ...(only === undefined ? [] : ["-t", only])];
  const { output, report, isLate } = await vitest(foundBy, options, { name, isMutated: true, limitMs: LONGEST_MS });
  const verdict = verdictOf(mutation, { report, isLate, isLoaded: output.includes(PLANTED_MARK) });
  return { mutation, verdict, seconds: (Date.now() - startMs) / 1000 };
}

interface VitestRun {
  readonly exitCode: number | null;
  readonly output: string;
  /** Its report as JSON; undefined where it wrote none. */
  readonly report: string | undefined;
  readonly isLate: boolean;
}

function vitest(
  files: readonly string[],
  options: readonly string[],
  { name, isMutated, limitMs }: { readonly name: string; readonly isMutated: boolean; readonly limitMs: number },
): Promise<VitestRun> {
  const reportPath = join(folder, `${name}.json`);
  const { MILLRACE_DEEP: _, MILLRACE_MUTATION: __, ...environment } = process.env;
  const env = isMutated ? { ...environment, MILLRACE_MUTATION: name } : environment;
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`];
  const command = [
    join(REPOSITORY, "node_modules/vitest/vitest.mjs"),
    "run",
    ...files,
    ...options,
    ...reporters,
    PATIENT,
  ];
  // A group of its own: its workers end with it.
  const child = spawn(process.execPath, command, { cwd: REPOSITORY, env, detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output += text;
    });
  }
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, limitMs);
  return new Promise((resolve) => {
    child.on("close", (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, output, report: contentOf(reportPath), isLate });
    });
  });
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

const lineOf = ({ mutation, verdict, seconds }: Outcome): string =>
  `${verdict.kind.padEnd(8)} ${mutation.name} (${seconds.toFixed(0)} s)${verdict.isFound ? "" : `: ${verdict.why}`}`;

/** Prints what was found by what; gives the exit code. */
function report(outcomes: readonly Outcome[], tookMs: number): number {
  const rows = [...outcomes]
    .sort((a, b) => a.mutation.name.localeCompare(b.mutation.name))
    .map(({ mutation, verdict, seconds }) => [
      mutation.name,
      mutation.bug,
      mutation.law,
      verdict.isFound ? verdict.test : `NOT FOUND: ${verdict.kind}`,
      verdict.isFound ? String(verdict.cases ?? "-") : "",
      seconds.toFixed(0),
    ]);
  const header = ["mutation", "bug that it stands for", "law", "found by", "cases", "s"];
  console.log(
    ["", header, header.map(() => "---"), ...rows].map((row) => `| ${[row].flat().join(" | ")} |`).join("\n"),
  );
  const left = outcomes.filter(({ verdict }) => !verdict.isFound);
  const minutes = (tookMs / 60_000).toFixed(1);
  console.log(`\n${outcomes.length - left.length} of ${outcomes.length} mutations were found, in ${minutes} minutes.`);
  for (const outcome of left) console.error(`NOT FOUND ${lineOf(outcome)}`);
  return left.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
