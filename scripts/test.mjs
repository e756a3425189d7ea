// `npm test [-- vitest arguments]`: everything but the deep runs; `--deep` runs those as well, with more cases.
import { prepare, run } from "./prepare.mjs";

prepare();
const given = process.argv.slice(2);
const deep = given.includes("--deep");
const args = given.filter((arg) => arg !== "--deep");
run("npx", ["vitest", "run", ...args], { env: { ...process.env, ...(deep ? { MILLRACE_DEEP: "1" } : {}) } });
