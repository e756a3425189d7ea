import type { JobGraph } from "./job-graph.ts";

/** What every step of a job that may have state is called, by its uid. */
export function stepsOf({ vertices }: JobGraph): Record<string, string> {
  const steps: Record<string, string> = Object.create(null);
  for (const { source, operators, sink } of vertices) {
    const uid = source?.stream?.uid;
    if (source !== undefined && uid !== undefined)
      steps[uid] = source.local?.description ?? `source ${source.spec.kind}`;
    for (const { uid, name } of operators) if (uid !== undefined) steps[uid] = name;
    if (sink?.uid !== undefined) steps[sink.uid] = sink.local?.description ?? `sink ${sink.spec.kind}`;
  }
  return steps;
}
