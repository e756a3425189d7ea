// `npm test [-- vitest arguments]`: everything but the deep runs; `--deep` runs those as well, with more cases, and tells
// how many each law got.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepare, run } from "./prepare.mjs";

prepare();
const given = process.argv.slice(2);
const deep = given.includes("--deep");
const args = given.filter((arg) => arg !== "--deep");
run("npx", ["vitest", "run", ...args], { env: { ...process.env, ...(deep ? deepEnvironment() : {}) } });

function deepEnvironment() {
  const folder = mkdtempSync(join(tmpdir(), "millrace-laws-"));
  const counts = join(folder, "counts.jsonl");
  process.on("exit", () => {
    tellCounts(counts);
    rmSync(folder, { recursive: true });
  });
  return { MILLRACE_DEEP: "1", MILLRACE_LAW_COUNTS: counts };
}

/** What test/support/law-counts.ts has written down: a law per line, the fewest cases last. */
function tellCounts(path) {
  let lines = [];
  try {
    lines = readFileSync(path, "utf8").trim().split("\n");
  } catch (error) {
    if (error.code !== "ENOENT") throw error; // no law was run
  }
  const laws = lines.map((line) => JSON.parse(line)).sort((a, b) => b.cases - a.cases);
  console.log(`\nRandom cases of each of ${laws.length} laws:`);
  for (const { file, law, cases } of laws) console.log(`${String(cases).padStart(9)}  ${file}: ${law}`);
  const ofStreams = laws
    .filter(({ file }) => /^test\/property\/(streams|state)\//.test(file))
    .map(({ cases }) => cases);
  if (ofStreams.length > 0) {
    const total = ofStreams.reduce((sum, each) => sum + each, 0);
    console.log(
      `Streams and state: ${ofStreams.length} laws, at least ${Math.min(...ofStreams)} each, ${total} in all.`,
    );
  }
}
