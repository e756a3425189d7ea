// A PostgreSQL server of this machine's user alone: from where it is installed, or from Debian packages in .cache.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { newestPackage, unpackPackages } from "./debian-packages.mjs";
import { endProcess, endWith, freePort, isAlive, NOBODY } from "./processes.mjs";

const cache = fileURLToPath(new URL("../../.cache/services", import.meta.url));
const USER = "millrace";

/** A server that is there already, as a URL. */
export const VARIABLES = ["MILLRACE_POSTGRES", "DATABASE_URL"];

/** Stops at once, without waiting for clients; what was committed stays. */
const STOP_SIGNAL = "SIGINT";

/**
 * Starts a server on a free port, with an empty database. `watchedPid`: a process with which it is to end.
 * Gives `url`, `pid`, `folder`, and `stop()`, `kill()` and `restart()` for tests of what they do to clients.
 */
export async function startPostgres({ watchedPid, settings = {} } = {}) {
  const bin = binaries();
  const folder = mkdtempSync(join(tmpdir(), "millrace-postgres-"));
  const data = join(folder, "data");
  const log = join(folder, "log");
  const password = randomBytes(12).toString("hex");
  const passwordFile = join(folder, "password");
  const port = await freePort();
  let server;
  try {
    if (NOBODY.uid !== undefined) chownSync(folder, NOBODY.uid, NOBODY.gid);
    writeFileSync(passwordFile, password, { mode: 0o644 });
    const initdb = [
      "-D",
      data,
      "-U",
      USER,
      "-A",
      "scram-sha-256",
      "--pwfile",
      passwordFile,
      "-E",
      "UTF8",
      "--no-locale",
    ];
    runIn(bin, folder, "initdb", [...initdb, "--no-sync"]);
    rmSync(passwordFile);
    server = await launch();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`,
    folder,
    get pid() {
      return server.pid;
    },
    stop: async () => {
      await endProcess(server.pid, STOP_SIGNAL);
      rmSync(folder, { recursive: true, force: true });
    },
    /** As when the machine loses power, but for what the system still writes. */
    kill: () => endProcess(server.pid, "SIGQUIT"),
    restart: async () => {
      await endProcess(server.pid, STOP_SIGNAL);
      server = await launch();
    },
  };

  async function launch() {
    const options = {
      port,
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      // No database here outlives its machine.
      fsync: "off",
      jit: "off",
      log_timezone: "UTC",
      ...settings,
    };
    const args = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const output = openSync(log, "a", 0o644);
    const child = spawn(join(bin.folder, "postgres"), ["-D", data, ...args], {
      ...NOBODY,
      cwd: folder,
      env: bin.env,
      detached: true,
      stdio: ["ignore", output, output],
    });
    child.unref();
    if (watchedPid !== undefined) endWith(watchedPid, child.pid, "INT", folder);
    const said = existsSync(log) ? readFileSync(log, "utf8").length : 0;
    for (let i = 0; i < 1500; i++) {
      if (readFileSync(log, "utf8").slice(said).includes("ready to accept connections")) return child;
      if (child.exitCode !== null || !isAlive(child.pid)) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`PostgreSQL did not start:\n${readFileSync(log, "utf8")}`);
  }
}

/** The folder of the programs, and their environment. */
function binaries() {
  const installed = process.env.MILLRACE_SERVICES_UNPACK === "1" ? undefined : installedFolder("/usr/lib/postgresql");
  if (installed !== undefined) return { folder: installed, env: { PATH: process.env.PATH } };
  const server = newestPackage(/^postgresql-[0-9]+$/);
  if (server === undefined) {
    throw new Error("There is no PostgreSQL in /usr/lib/postgresql, and apt-cache knows no package of it.");
  }
  const root = join(cache, server);
  unpackPackages([server, server.replace("-", "-client-"), "libpq5"], root);
  return reachable(root);
}

function installedFolder(parent) {
  if (!existsSync(parent)) return undefined;
  const versions = readdirSync(parent).sort((a, b) => Number(b) - Number(a));
  const folders = versions.map((version) => join(parent, version, "bin"));
  return folders.find((folder) => existsSync(join(folder, "postgres")) && existsSync(join(folder, "initdb")));
}

/** Where the user that runs the server may not look into the repository, it gets a copy. */
function reachable(root) {
  const at = (place) => ({
    folder: installedFolder(join(place, "usr/lib/postgresql")),
    env: { PATH: process.env.PATH, LD_LIBRARY_PATH: libraries(place) },
  });
  try {
    const found = at(root);
    execFileSync(join(found.folder, "postgres"), ["--version"], {
      ...NOBODY,
      env: found.env,
      cwd: "/",
      stdio: "ignore",
    });
    return found;
  } catch (error) {
    if (error.code !== "EACCES") throw error;
    const copy = mkdtempSync(join(tmpdir(), "millrace-postgres-programs-"));
    chmodSync(copy, 0o755);
    cpSync(root, copy, { recursive: true });
    process.once("exit", () => rmSync(copy, { recursive: true, force: true }));
    return at(copy);
  }
}

function libraries(root) {
  const parent = join(root, "usr/lib");
  const machine = readdirSync(parent).filter((name) => name.includes("-linux-"));
  return machine.map((name) => join(parent, name)).join(":");
}

function runIn({ folder, env }, cwd, program, args) {
  try {
    execFileSync(join(folder, program), args, { ...NOBODY, cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    throw new Error(`${program} failed: ${error.stderr?.toString().trim() || error.message}`);
  }
}
