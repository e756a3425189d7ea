import { readRows } from "../core/columns/read.ts";
import { EngineError } from "../core/errors.ts";
import type { StreamNode, StreamSinkNode } from "../plan/stream/stream-node.ts";
import { ResultSink } from "../runtime/result-sink.ts";
import type { StreamJob } from "./stream-job.ts";
import type { StreamPlan } from "./stream-plan.ts";

type Start = (sinks: readonly StreamNode[], options: { signal?: AbortSignal }) => Promise<StreamJob>;

/** Runs a job that ends at a probe, until the probe has seen enough. */
export async function sampleRows(start: Start, probe: StreamNode, isEnough: () => boolean): Promise<void> {
  const stop = new AbortController();
  const sink = new ResultSink(() => {
    if (isEnough()) stop.abort();
  });
  const job = await start([resultNode("sample", sink, probe, "any")], { signal: stop.signal });
  await job.result();
}

/** The rows of a stream, one by one: the job waits for a reader that is slow, and is cancelled when it leaves. */
export async function* collectedRows(start: Start, plan: StreamPlan): AsyncGenerator<Record<string, unknown>> {
  const input = await plan.resolve();
  const queue: Record<string, unknown>[][] = [];
  let wake: () => void = () => undefined;
  let taken: () => void = () => undefined;
  const sink = new ResultSink((batch, workspace) => {
    queue.push(readRows(workspace, batch));
    wake();
    return new Promise<void>((resolve) => {
      taken = resolve;
    });
  });
  const job = await start([{ ...resultNode("collect", sink, input, "global"), parallelism: 1 }], {});
  let hasEnded = false;
  let failure: unknown;
  job
    .result()
    .catch((thrown: unknown) => {
      failure = thrown;
    })
    .finally(() => {
      hasEnded = true;
      wake();
    });
  try {
    for (;;) {
      const rows = queue.shift();
      if (rows !== undefined) {
        yield* rows;
        taken();
      } else if (hasEnded) break;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    taken();
    if (!hasEnded) await job.cancel();
  }
  if (failure !== undefined && !(failure instanceof EngineError && failure.code === "JOB_CANCELLED")) throw failure;
}

const resultNode = (name: string, sink: ResultSink, input: StreamNode, kind: "any" | "global"): StreamSinkNode => ({
  op: "sink",
  sink,
  isLocal: true,
  schema: input.schema,
  name,
  inputs: [{ node: input, route: { kind } }],
  isUpdating: false,
});
