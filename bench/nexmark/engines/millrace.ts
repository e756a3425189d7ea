/** The engine of this project, on one thread: the queries of streams/ in its DataStream API. */
import { writeFileSync } from "node:fs";
import { StreamExecutionEnvironment } from "../../../dist/index.js";
import { NexmarkSource } from "../generator/source.ts";
import { nexmarkStreams } from "../streams/streams.ts";
import { Answer, Blackhole } from "./answer.ts";
import type { NexmarkEngine, NexmarkRun, NexmarkTime } from "./engine.ts";

export class NexmarkMillrace implements NexmarkEngine {
  supports(query: string): boolean {
    return Object.hasOwn(nexmarkStreams, query);
  }

  /** Planning is part of the time; generating the events is, as in Flink. */
  async time(query: string, run: NexmarkRun): Promise<NexmarkTime> {
    const startCpu = process.cpuUsage();
    const start = performance.now();
    await execute(query, run, new Blackhole());
    const ms = performance.now() - start;
    const { user, system } = process.cpuUsage(startCpu);
    return { ms, cpuMs: (user + system) / 1000 };
  }

  async answer(query: string, run: NexmarkRun, path: string): Promise<void> {
    const answer = new Answer();
    await execute(query, run, answer);
    writeFileSync(path, answer.lines().join(""));
  }

  close(): void {}
}

async function execute(query: string, { configuration, events }: NexmarkRun, sink: Blackhole | Answer): Promise<void> {
  const stream = nexmarkStreams[query];
  if (stream === undefined) throw new Error(`no Nexmark query ${query}`);
  const environment = StreamExecutionEnvironment.create({ parallelism: 1 });
  stream(environment, new NexmarkSource({ kind: "nexmark", configuration, events })).addSink(sink);
  await environment.execute();
}
