// Installs and builds what a fresh clone lacks, and nothing that is already up to date.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs a command with its output shown; ends the process with its exit code where it fails. */
export function run(command, args, options = {}) {
  try {
    execFileSync(command, args, { cwd: root, stdio: "inherit", ...options });
  } catch (error) {
    if (error.status === undefined || error.status === null) throw error;
    process.exit(error.status);
  }
}

function modifiedMs(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newestMs(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : modifiedMs(path));
  }
  return newest;
}

export function prepare() {
  const installed = modifiedMs(join(root, "node_modules/.package-lock.json"));
  if (installed < modifiedMs(join(root, "package-lock.json"))) {
    console.error("millrace: installing dependencies");
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  const kernels = Math.max(newestMs(join(root, "kernels")), modifiedMs(join(root, "asconfig.json")));
  if (modifiedMs(join(root, "build/kernels.wasm")) < kernels) {
    console.error("millrace: building kernels");
    run("npm", ["run", "--silent", "build:kernels"]);
  }
  const sources = Math.max(newestMs(join(root, "src")), modifiedMs(join(root, "tsconfig.json")));
  if (modifiedMs(join(root, "dist/index.js")) < sources) {
    console.error("millrace: compiling TypeScript");
    run("npm", ["run", "--silent", "build:ts"]);
  }
}
