/** A child process that runs one engine on one case: first cold, then warm. Started by run-isolated.ts. */
import { suites } from "../cases/suites.ts";
import { type ChildReport, type ChildTask, slowMs } from "./child-protocol.ts";
import { type Measured, measureOnce } from "./measure.ts";
import { median } from "./outcome.ts";

/** Just-in-time compilers, ours among them, are done after a few runs; these are not timed. */
const warmUpRuns = 4;
const warmRuns = 5;

process.once("message", (task: ChildTask) => {
  perform(task).then(
    (report) => finish({ report }),
    (error: unknown) => finish({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});

async function perform({ suite: suiteName, engine, question: name, options, shape }: ChildTask): Promise<ChildReport> {
  const suite = suites[suiteName];
  const question = suite?.cases(options).find((candidate) => candidate.name === name);
  const open = suite?.contenders[engine];
  if (question === undefined || open === undefined) throw new Error(`no case ${suiteName} ${name} ${engine}`);
  const session = await open(options);
  const cold = await measureOnce(session, question, shape);
  if (cold.summary === null) throw new Error("no answer");
  const warm: Measured[] = [];
  if (cold.ms <= slowMs) {
    for (let run = 0; run < warmUpRuns; run++) await measureOnce(session, question, null);
    while (warm.length < warmRuns) warm.push(await measureOnce(session, question, null));
  }
  const peakRssMiB = process.resourceUsage().maxRSS / 1024;
  await session.close();
  if (warm.length === 0) warm.push(cold);
  const warmMs = median(warm.map(({ ms }) => ms));
  const cpuMs = median(warm.map((run) => run.cpuMs));
  return { coldMs: cold.ms, warmMs, cpuMs, peakRssMiB, summary: cold.summary };
}

function finish(message: object): void {
  process.send?.(message, () => process.exit(0));
}
