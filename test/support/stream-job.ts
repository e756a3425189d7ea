import { connectorRegistry } from "../../src/connectors/registry.ts";
import type { Host } from "../../src/core/host.ts";
import type { JobSnapshot } from "../../src/core/job-snapshot.ts";
import type { Sink } from "../../src/core/sink.ts";
import type { Source } from "../../src/core/source.ts";
import type { WatermarkStrategySpec } from "../../src/core/time/watermark-strategy.ts";
import { kernelModule } from "../../src/host/kernel-module.ts";
import { Engine, type JobOptions } from "../../src/runtime/engine.ts";
import type { JobGraph, JobVertex } from "../../src/runtime/job-graph.ts";
import type { RunningStream } from "../../src/runtime/running-stream.ts";

export interface StreamJob {
  readonly source: Source;
  readonly sink: Sink;
  readonly strategy?: WatermarkStrategySpec;
  /** Of the sink, behind an exchange; absent: the sink is chained to the source. */
  readonly sinkParallelism?: number;
  readonly sourceParallelism?: number;
  readonly hasCheckpoints?: boolean;
  /** True where source and sink run on worker threads, from their specs. */
  readonly onWorkers?: boolean;
}

/** A source and a sink, with or without an exchange between them. */
export function streamGraph(job: StreamJob): JobGraph {
  const { source, sink, strategy, sinkParallelism, sourceParallelism = 1, onWorkers = false } = job;
  const placement = onWorkers ? "workers" : "planner";
  const jobSink = { id: 1, uid: "sink", spec: sink.spec, ...(onWorkers ? {} : { local: sink }) };
  const reading: JobVertex = {
    id: 0,
    name: "source",
    parallelism: sourceParallelism,
    placement,
    source: {
      spec: source.spec,
      splits: [],
      stream: { uid: "source", ...(strategy === undefined ? {} : { strategy }) },
      ...(onWorkers ? {} : { local: source }),
    },
    inputs: [],
    operators: [],
  };
  const writing = {
    id: 1,
    name: "sink",
    placement,
    inputs: [source.schema.fields],
    operators: [],
    sink: jobSink,
  } as const;
  return {
    vertices:
      sinkParallelism === undefined
        ? [{ ...reading, sink: jobSink }]
        : [reading, { ...writing, parallelism: sinkParallelism }],
    edges: sinkParallelism === undefined ? [] : [{ from: 0, to: 1, input: 0, exchange: { kind: "rebalance" } }],
    stream: {
      mode: "streaming",
      maxParallelism: 16,
      bufferTimeoutMs: 1,
      watermarkIntervalMs: 100,
      hasCheckpoints: job.hasCheckpoints ?? false,
    },
  };
}

export interface StreamRun {
  readonly batchRows?: number;
  readonly threads?: number;
  readonly restore?: JobSnapshot;
  readonly storeCheckpoint?: (snapshot: JobSnapshot) => void | Promise<void>;
  /** Takes a checkpoint so often; those that fail are no matter. */
  readonly checkpointEveryMs?: number;
  readonly onRunning?: (control: RunningStream) => void;
  readonly signal?: AbortSignal;
}

/** Runs a streaming job to its end, on an engine of its own that must leave no memory behind. */
export async function runStream(host: Host, job: StreamJob, run: StreamRun = {}) {
  const { batchRows = 64, threads = 1, restore, storeCheckpoint, checkpointEveryMs, onRunning, signal } = run;
  const engine = await Engine.start(host, connectorRegistry, kernelModule(), threads);
  let isOver = false;
  const options: JobOptions = {
    memoryBytes: 1 << 26,
    batchRows,
    ...(restore === undefined ? {} : { restore }),
    ...(storeCheckpoint === undefined ? {} : { storeCheckpoint }),
    ...(signal === undefined ? {} : { signal }),
    onRunning: (control) => {
      onRunning?.(control);
      if (checkpointEveryMs !== undefined) void takeCheckpoints(host, control, checkpointEveryMs, () => isOver);
    },
  };
  try {
    return await engine.run(streamGraph(job), options);
  } finally {
    isOver = true;
    await engine.close();
  }
}

async function takeCheckpoints(host: Host, control: RunningStream, everyMs: number, isOver: () => boolean) {
  for (;;) {
    await new Promise<void>((resolve) => void host.scheduler.after(everyMs, resolve));
    if (isOver()) return;
    await control.checkpoint().catch(() => undefined);
  }
}
