import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, it } from "vitest";
import { rowFilter } from "../../../src/cli/row-filter.ts";
import { savepointCommand } from "../../../src/cli/savepoint-command.ts";
import { startJobModule } from "../../../src/index.ts";
import { testDirectory } from "../../support/temporary-directory.ts";

const directory = testDirectory();
const engine = fileURLToPath(new URL("../../../src/index.ts", import.meta.url));

/** Counts of words, of the type that is given, under a uid of one's own. */
function moduleWith(name: string, type: string, uid = "counts"): string {
  mkdirSync(directory.path, { recursive: true });
  const path = join(directory.path, `${name}.ts`);
  writeFileSync(
    path,
    `import { Schema, types, valueState } from ${JSON.stringify(engine)};
     const schema = Schema.of({ word: types.utf8 });
     export default (env) => {
       let seen;
       env.fromGenerator((n) => ({ word: ["tea", "rice", "milk"][Number(n) % 3] }), { schema, count: 100_000, rowsPerSecond: 100 })
         .uid("words")
         .keyBy("word")
         .process({
           open: (runtime) => { seen = runtime.state(valueState("seen", types.${type})); },
           processElement: (row, context, out) => { seen.set(seen.get() === null ? 1 : Number(seen.get()) + 1); out.collect(row); },
         }, { schema })
         .uid(${JSON.stringify(uid)})
         .forEach(() => undefined);
     };`,
  );
  return path;
}

async function savepoint(...argv: string[]) {
  const [said, errors]: [string[], string[]] = [[], []];
  const context = { print: (line: string) => said.push(line), printError: (line: string) => errors.push(line) };
  const code = await savepointCommand(argv, context);
  return { code, said, errors: errors.join("\n") };
}

let first: string;
let second: string;
let job: string;

beforeAll(async () => {
  job = moduleWith("job", "int32");
  [first, second] = ["first", "second"].map((name) => join(directory.path, name));
  const running = await startJobModule(job, { jobName: "words" });
  for (const [i, path] of [first, second].entries()) {
    const rows = async () => Number((await running.queryState("counts", "seen", "milk").catch(() => 0)) ?? 0);
    while ((await rows()) <= 10 * i) await new Promise((resolve) => setTimeout(resolve, 20));
    await running.savepoint(path);
  }
  await running.cancel();
}, 60_000);

it("inspects what is in a savepoint", async () => {
  const { code, said } = await savepoint("inspect", first);
  expect(code).toBe(0);
  expect(said[0]).toMatch(/^savepoint [0-9a-f]{8} in /);
  expect(said[1]).toBe('of the job "words"');
  expect(said[2]).toMatch(/^taken at \d{4}-.* as checkpoint 1; 128 key groups; \d+ bytes$/);
  expect(said.join("\n")).toMatch(/value:seen {2}keyed, 3 rows, \d+ bytes in 1 part, key groups \d+ to \d+/);
  expect(said.join("\n")).toContain("keyGroup: int32, key.word: utf8, value: int32");
  const told = JSON.parse((await savepoint("inspect", first, "--json")).said.join("")) as {
    steps: { uid: string; states: { name: string; rows: number }[] }[];
  };
  const counts = told.steps.find(({ uid }) => uid === "counts");
  expect(counts?.states.find(({ name }) => name === "value:seen")?.rows).toBe(3);
});

it("queries a state", async () => {
  const all = (await savepoint("query", first, "counts", "value:seen", "--columns", "key.word,value")).said;
  const rows = all.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows.map((row) => row["key.word"]).sort()).toEqual(["milk", "rice", "tea"]);
  const where = ["--where", "key.word = 'tea' and value >= 1", "--limit", "9"];
  const { said } = await savepoint("query", first, "counts", "value:seen", ...where);
  expect(said.length).toBe(1);
  expect(JSON.parse(said[0])).toMatchObject({ "key.word": "tea" });
  expect((await savepoint("query", first, "counts", "value:other")).errors).toContain('There is "');
  expect((await savepoint("query", first, "counts", "value:seen", "--where", "nothing = 1")).code).toBe(2);
});

it("tells two savepoints apart", async () => {
  const { code, said } = await savepoint("diff", first, second);
  expect(code).toBe(1);
  expect(said.join("\n")).toMatch(
    /counts value:seen: 0 added, 0 removed, 3 changed\n {2}- \{"key.word":"milk"\} \{"value":\d+\}/,
  );
  expect(await savepoint("diff", first, first)).toEqual({ code: 0, said: ["no difference"], errors: "" });
  const told = JSON.parse((await savepoint("diff", first, second, "--json")).said.join("")) as {
    differences: object[];
  };
  expect(told.differences).toContainEqual(expect.objectContaining({ uid: "counts", changed: 3 }));
});

it("checks whether a job can go on from one", async () => {
  expect((await savepoint("check", first, job)).said.join("\n")).toMatch(/can go on.*\n {2}with state: .*counts/);
  expect((await savepoint("check", first, moduleWith("wider", "int64"))).code).toBe(0);
  const narrow = await savepoint("check", first, moduleWith("narrow", "int16"));
  expect(narrow.code).toBe(1);
  expect(narrow.errors).toContain('STATE_INCOMPATIBLE: The state "seen" needs "value" as int16');
  const other = moduleWith("other", "int32", "others");
  const lacking = await savepoint("check", first, other, "--json");
  expect(lacking.code).toBe(1);
  expect(JSON.parse(lacking.said[0])).toMatchObject({ ok: false, code: "STATE_NOT_IN_JOB" });
  const allowed = await savepoint("check", "--json", "--allow-non-restored-state", first, other);
  expect(JSON.parse(allowed.said[0])).toMatchObject({ ok: true, left: ["counts"], restored: ["words"] });
  expect((await savepoint("check", first, job, "--max-parallelism", "64")).errors).toContain("MAX_PARALLELISM_CHANGED");
});

it("checks it with states that are renamed", async () => {
  const renamed = (names: string) => savepoint("check", first, job, "--renamed-state", names);
  expect((await renamed('{"counts":{"seen":"known"}}')).code).toBe(0);
  expect((await renamed('{"counts":{"word":"text"}}')).errors).toContain("STATE_INCOMPATIBLE");
  expect((await renamed('{"counts":{"a":"b","b":"a"}}')).errors).toContain("OPTION_INVALID");
  expect(await renamed("seen=known")).toMatchObject({ code: 2, errors: expect.stringContaining("no JSON") });
});

it("refuses what is no command", async () => {
  expect((await savepoint()).code).toBe(2);
  expect((await savepoint("inspect")).code).toBe(2);
  expect((await savepoint("inspect", first, "--where", "a")).code).toBe(2);
  expect((await savepoint("inspect", join(directory.path, "nothing"))).errors).toContain("SAVEPOINT_NOT_FOUND");
});

it("filters by comparisons", () => {
  const names = ["a", "a b", "c"];
  const passes = (condition: string, row: Record<string, unknown>) => rowFilter(condition, names)(row);
  expect(passes("a b > 9", { "a b": 10n })).toBe(true);
  expect(passes("a>9 and c != x", { a: 10, c: "y" })).toBe(true);
  expect(passes("a is null", { a: null })).toBe(true);
  expect(passes("a is not null", { a: null })).toBe(false);
  expect(passes("a < 3", { a: null })).toBe(false);
  expect(passes('c = "x y"', { c: "x y" })).toBe(true);
  expect(() => rowFilter("d = 1", names)).toThrow("begins with none of the columns");
  expect(() => rowFilter("a ~ 1", names)).toThrow("no comparison");
});
