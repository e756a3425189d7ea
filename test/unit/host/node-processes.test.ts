import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { NodeFiles } from "../../../src/host/node-files.ts";
import { NodeProcesses } from "../../../src/host/node-processes.ts";
import { withDirectory } from "../../support/host.ts";

const processes = new NodeProcesses();
const [machine, pid, start] = processes.token.split(".");

describe("NodeProcesses", () => {
  it("knows this process, in each of its threads, as alive", () => {
    expect(processes.token).toMatch(/^[0-9a-f]+\.\d+\.\d*$/);
    expect(new NodeProcesses().token).toBe(processes.token);
    expect(processes.isDead(processes.token)).toBe(false);
  });

  it("knows a process that has ended as dead, and one that runs as alive", async () => {
    const child = spawn(process.execPath, ["-e", "process.stdin.resume()"]);
    await once(child, "spawn");
    expect(processes.isDead(`${machine}.${child.pid}.`)).toBe(process.platform === "linux");
    expect(processes.isDead(`${machine}.${process.ppid}.${start}1`)).toBe(process.platform === "linux");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(processes.isDead(`${machine}.${child.pid}.123`)).toBe(true);
  });

  it.runIf(process.platform === "linux")("tells a process from an earlier one of the same id", () => {
    expect(processes.isDead(`${machine}.${pid}.${Number(start) - 1}`)).toBe(true);
  });

  it("knows nothing about other machines and other names", () => {
    expect(processes.isDead(`0123456789ab.${pid}.1`)).toBe(false);
    for (const name of ["", "x", `${machine}`, `${machine}.1`, `${machine}.x.1`, `${machine}.99999999.1x`]) {
      expect(processes.isDead(name)).toBe(false);
    }
  });

  it("leaves no listener behind, and none on signals", () => {
    const before = process.listenerCount("exit");
    const cancels = Array.from({ length: 20 }, () => processes.onExit(() => undefined));
    expect(process.listenerCount("exit")).toBe(before + 1);
    expect(process.listenerCount("SIGINT") + process.listenerCount("SIGTERM")).toBe(0);
    for (const cancel of cancels) cancel();
    expect(process.listenerCount("exit")).toBe(before);
  });
});

describe("temporary directories", () => {
  const files = new NodeFiles(processes);

  it("of dead processes are removed, those of others are not", () => {
    const prefix = `millrace-test-abandoned-`;
    const mine = files.makeTemporaryDirectory(prefix);
    expect(basename(mine)).toContain(processes.token);
    const dead = join(tmpdir(), `${prefix}${machine}.4194304.1-Ab1-Cd`); // above the highest process id
    const foreign = join(tmpdir(), `${prefix}0123456789ab.4194304.1-AbCdEf`);
    const unknown = join(tmpdir(), `${prefix}AbCdEf`);
    for (const path of [dead, foreign, unknown]) mkdirSync(join(path, "1"), { recursive: true });
    files.removeAbandonedDirectories(prefix);
    expect([mine, dead, foreign, unknown].map((path) => existsSync(path))).toEqual([true, true, true, true]);
    const abandoned = join(tmpdir(), `${prefix}${machine}.4194304.1-AbCdEf`);
    mkdirSync(join(abandoned, "1"), { recursive: true });
    files.removeAbandonedDirectories(prefix);
    expect(existsSync(abandoned)).toBe(false);
    expect(existsSync(mine)).toBe(true);
    for (const path of [mine, dead, foreign, unknown]) files.remove(path);
  });

  it("are removed when the process exits without having done so", () =>
    withDirectory((directory) => {
      const made = execFileSync(
        process.execPath,
        [
          "--import=tsx",
          "--input-type=module",
          "-e",
          `import { nodeHost } from ${JSON.stringify(new URL("../../../src/host/node-host.ts", import.meta.url).href)};
           const path = nodeHost().files.makeTemporaryDirectory("millrace-exit-");
           console.log(path);
           process.exit(0);`,
        ],
        { env: { ...process.env, TMPDIR: directory }, encoding: "utf8" },
      ).trim();
      expect(made).toContain("millrace-exit-");
      expect(existsSync(made)).toBe(false);
    }));
});
