// `npm run service -- start postgres` starts a server to try things with, `npm run service -- stop postgres` ends it.
// A further service is a module like postgres.mjs and a line in STARTS.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startPostgres } from "./postgres.mjs";
import { endProcess, isAlive } from "./processes.mjs";

const STARTS = { postgres: startPostgres };
const running = fileURLToPath(new URL("../../.cache/services/running", import.meta.url));

const [action, name] = process.argv.slice(2);
if (!["start", "stop"].includes(action) || !Object.hasOwn(STARTS, name ?? "")) {
  console.error(`Usage: npm run service -- start|stop ${Object.keys(STARTS).join("|")}`);
  process.exit(2);
}
const noted = `${running}/${name}.json`;
const known = existsSync(noted) ? JSON.parse(readFileSync(noted, "utf8")) : undefined;

if (action === "stop") {
  if (known === undefined) console.log(`${name} does not run.`);
  else {
    await endProcess(known.pid, "SIGINT");
    rmSync(known.folder, { recursive: true, force: true });
    rmSync(noted);
    console.log(`${name} has ended.`);
  }
} else if (known !== undefined && isAlive(known.pid)) console.log(known.url);
else {
  const { url, pid, folder } = await STARTS[name]();
  mkdirSync(running, { recursive: true });
  writeFileSync(noted, JSON.stringify({ url, pid, folder }), { mode: 0o600 });
  console.log(url);
}
