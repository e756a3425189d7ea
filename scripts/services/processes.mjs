import { spawn } from "node:child_process";
import { createServer } from "node:net";

/** Some servers refuse to run as root: then they run as this user, as far as this process may choose. */
export const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

/** A port of this machine that nobody uses just now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== "ESRCH";
  }
}

/** Sends signals until the process has ended: the first, and SIGKILL where that has not helped after a while. */
export async function endProcess(pid, signal = "SIGTERM", patienceMs = 10_000) {
  const until = Date.now() + patienceMs;
  let next = signal;
  while (isAlive(pid)) {
    if (next !== undefined) process.kill(pid, next);
    next = Date.now() > until ? "SIGKILL" : undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Ends a server, and removes its folder, once the process that it was started for has ended, however that came. `quick`
 * is the signal on which the server stops at once.
 */
export function endWith(watchedPid, pid, quick, folder) {
  const script =
    'while kill -0 "$1" 2>/dev/null; do kill -0 "$2" 2>/dev/null || exit 0; sleep 1; done;' +
    ' kill -s "$3" "$2" 2>/dev/null; while kill -0 "$2" 2>/dev/null; do sleep 0.2; done; rm -rf "$4"';
  const args = ["-c", script, "sh", String(watchedPid), String(pid), quick, folder];
  spawn("sh", args, { detached: true, stdio: "ignore" }).unref();
}
