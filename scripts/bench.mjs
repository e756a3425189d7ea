/**
 * Runs the benchmarks: `npm run bench -- dataset [options]`, see bench/README.md.
 * Installs the dependencies if there are none and builds the engine if its sources are newer than the build.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Newest modification below a folder, 0 if it does not exist. */
function newest(folder) {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { withFileTypes: true }).reduce((latest, entry) => {
    const path = join(folder, entry.name);
    return Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }, 0);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(root, "node_modules", "tsx"))) run("npm", ["ci"]);
const sources = Math.max(newest(join(root, "src")), newest(join(root, "kernels")));
const built = Math.min(newest(join(root, "dist")), newest(join(root, "build")));
if (sources > built && !process.argv.includes("--no-build")) run("npm", ["run", "build"]);
const args = process.argv.slice(2).filter((argument) => argument !== "--no-build");
run(process.execPath, ["--expose-gc", "--import", "tsx", join("bench", "main.ts"), ...args]);
