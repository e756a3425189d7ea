/** The engine of this project: the queries of streams/ in its DataStream API, on one thread or on several workers. */
import { writeFileSync } from "node:fs";
import { runJobModule } from "../../../dist/index.js";
import { awaitFirstEvent, readClocks } from "../generator/first-event.ts";
import { nexmarkStreams } from "../streams/streams.ts";
import { Answer } from "./answer.ts";
import type { NexmarkEngine, NexmarkRun, NexmarkTime } from "./engine.ts";
import { type QueryArguments, target } from "./query-module.ts";

export class NexmarkMillrace implements NexmarkEngine {
  readonly #workers: number;

  /** One worker is the calling thread itself. */
  constructor(workers: number) {
    this.#workers = workers;
  }

  supports(query: string): boolean {
    return Object.hasOwn(nexmarkStreams, query);
  }

  /** From the first event that the source is asked for to the end of the job. */
  async time(query: string, run: NexmarkRun): Promise<NexmarkTime> {
    const firstEvent = awaitFirstEvent();
    await this.#execute({ query, ...run, keepsRows: false });
    const ended = readClocks();
    const started = await firstEvent;
    return { ms: ended.ms - started.ms, cpuMs: ended.cpuMs - started.cpuMs };
  }

  async answer(query: string, run: NexmarkRun, path: string): Promise<void> {
    target.answer = new Answer();
    await this.#execute({ query, ...run, keepsRows: true });
    writeFileSync(path, target.answer.lines().join(""));
  }

  close(): void {}

  async #execute(args: QueryArguments): Promise<void> {
    const module = new URL("./query-module.ts", import.meta.url);
    await runJobModule(module, { parallelism: this.#workers, args });
  }
}
