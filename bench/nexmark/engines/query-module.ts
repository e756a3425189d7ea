/** The job module of a query: every worker thread builds it. */
import type { JobModule } from "../../../dist/index.js";
import { NexmarkSource } from "../generator/source.ts";
import { nexmarkStreams } from "../streams/streams.ts";
import { Answer, Blackhole } from "./answer.ts";
import type { NexmarkRun } from "./engine.ts";

export interface QueryArguments extends NexmarkRun {
  readonly query: string;
  /** Rows go to `target.answer` of the thread that plans; else they are dropped where they arise. */
  readonly keepsRows: boolean;
}

export const target = { answer: new Answer() };

export default ((environment, { query, configuration, events, keepsRows }) => {
  const stream = nexmarkStreams[query];
  if (stream === undefined) throw new Error(`no Nexmark query ${query}`);
  const source = new NexmarkSource({ kind: "nexmark", configuration, events });
  stream(environment, source).addSink(keepsRows ? target.answer : new Blackhole());
}) satisfies JobModule<QueryArguments>;
