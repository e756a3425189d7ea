import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Aim, isCheckpoint, type Sign } from "./moments.ts";

const PROGRAM = fileURLToPath(new URL("./life.mjs", import.meta.url));
/** A life whose aim does not come is killed so long behind its first checkpoint. */
const PATIENCE_MS = 2_000;
/** One that has no checkpoint by then does not get on. */
const SILENCE_MS = 180_000;

export interface LifeEnd {
  /** Of the process, with the moment at which it was killed; undefined: it came to its end by itself. */
  readonly killedAt?: string;
  readonly code: number | null;
  readonly stderr: string;
  readonly livedMs: number;
  /** When checkpoints were seen complete, in milliseconds of this life. */
  readonly checkpointsMs: readonly number[];
}

/** A process that may run the job once. It has loaded the engine by the time that its turn comes, as far as it may be. */
export class Life {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #stderr = "";

  /** `signal` ends it, whatever it does. */
  constructor(signal?: AbortSignal) {
    this.#child = fork(PROGRAM, { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    const end = () => this.#child.kill("SIGKILL");
    signal?.addEventListener("abort", end);
    this.#ended = once(this.#child, "close").finally(() => signal?.removeEventListener("abort", end));
  }

  /**
   * Runs the job until its aim is there, or to its end. `listen` is told who wants to hear of signs, and when no more;
   * `onCheckpoint` of complete ones, and when they came.
   */
  async run(
    job: object,
    aim: Aim | undefined,
    listen: (hear: ((sign: Sign) => void) | undefined) => void,
    onCheckpoint?: (checkpointsMs: readonly number[]) => void,
  ): Promise<LifeEnd> {
    const startedMs = performance.now();
    const checkpointsMs: number[] = [];
    let counted = 0;
    let killedAt: string | undefined;
    const timers: NodeJS.Timeout[] = [];
    const kill = (moment: string) => {
      // A process that has ended by itself is not killed, and does not count.
      if (killedAt === undefined && this.#child.kill("SIGKILL")) killedAt = moment;
    };
    const killBehind = (moment: string, delayMs: number) => {
      if (delayMs === 0) kill(moment);
      else timers.push(setTimeout(() => kill(moment), delayMs));
    };
    if (aim !== undefined) {
      listen((sign) => {
        if (aim.counts?.(sign) === true && ++counted === aim.occurrence) killBehind(aim.name, aim.delayMs);
        if (!isCheckpoint(sign)) return;
        checkpointsMs.push(performance.now() - startedMs);
        if (checkpointsMs.length === 1) killBehind("any moment", PATIENCE_MS);
        onCheckpoint?.(checkpointsMs);
      });
      if (aim.counts === undefined) killBehind(aim.name, aim.delayMs);
      timers.push(setTimeout(() => kill("silence"), SILENCE_MS));
    }
    this.#child.send(job);
    await this.#ended;
    listen(undefined);
    for (const timer of timers) clearTimeout(timer);
    const { exitCode: code, signalCode } = this.#child;
    const livedMs = performance.now() - startedMs;
    const was = signalCode === "SIGKILL" && killedAt !== undefined ? { killedAt } : {};
    return { ...was, code, stderr: this.#stderr, livedMs, checkpointsMs };
  }

  /** For one that is not wanted any more. */
  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
