/** A program of bench/peers/flink in a JVM of its own, which answers one line of JSON with another. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { cachePath, projectRoot } from "../data/cache.ts";

/** Packages that Flink opens by reflection on Java 17. */
const opened = ["util", "lang", "nio", "time"].map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`);
const javaOptions = ["-Xmx6g", ...opened, "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED"];
const project = join(projectRoot, "bench/peers/flink");

/** True if the peer can be built and run here. */
export function hasJava(): boolean {
  try {
    execFileSync("java", ["-version"], { stdio: "ignore" });
    execFileSync("mvn", ["-v"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The class path of the Maven project, which is built if its sources are newer than its jar. */
function classPath(): string {
  const folder = cachePath("flink");
  const jar = join(folder, "flink-peer.jar");
  const sources = readdirSync(join(project, "src"), { recursive: true, encoding: "utf8" });
  const files = [join(project, "pom.xml"), ...sources.map((name) => join(project, "src", name))];
  const newest = Math.max(...files.map((path) => statSync(path).mtimeMs));
  if (!existsSync(jar) || statSync(jar).mtimeMs < newest) {
    execFileSync("mvn", ["-q", "-B", "package"], { cwd: project, stdio: ["ignore", 2, 2] });
  }
  return `${jar}:${join(folder, "lib")}/*`;
}

export class JavaPeer {
  readonly #process: ChildProcess;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string>;

  private constructor(process: ChildProcess) {
    if (process.stdout === null) throw new Error("a peer needs a pipe for its answers");
    this.#process = process;
    this.#reader = createInterface({ input: process.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** Resolves when the program is ready for requests. */
  static async start(mainClass: string, parameters: readonly string[]): Promise<JavaPeer> {
    const process = spawn("java", [...javaOptions, "-cp", classPath(), mainClass, ...parameters], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const peer = new JavaPeer(process);
    await peer.#receive();
    return peer;
  }

  /** @throws {Error} with the program's own message if it answers with an error. */
  ask<T extends object>(request: object): Promise<T> {
    this.#process.stdin?.write(`${JSON.stringify(request)}\n`);
    return this.#receive();
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin?.end();
    await ended;
    this.#reader.close();
  }

  async #receive<T extends object>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the Flink process ended early");
    const answer = JSON.parse(value) as T & { readonly error?: string };
    if (answer.error !== undefined) throw new Error(`Flink: ${answer.error}`);
    return answer;
  }
}
