/** Command line of the streaming benchmark: `npm run bench -- streaming [options]`, see bench/README.md. */
import { parseArgs } from "node:util";
import { checkpoints } from "./checkpoints.ts";
import { diskState } from "./disk-state.ts";
import { faulted } from "./faulted.ts";
import { halfLoad, latency } from "./latency.ts";
import { memory } from "./memory.ts";
import { increments, restore } from "./restore.ts";
import { slidingAgainstTumbling } from "./windows.ts";

const suites = {
  windows: slidingAgainstTumbling,
  latency,
  "half-load": halfLoad,
  memory,
  checkpoints,
  restore,
  increments,
  faulted,
  "disk-state": diskState,
} as const;

/** One finding: what was measured, and whether it meets the bar. */
export interface Finding {
  readonly text: string;
  readonly isMet: boolean;
}

export interface StreamingOptions {
  readonly events: number;
  readonly rounds: number;
  readonly seconds: number;
}

/** Returns the exit code: 1 if an answer was wrong; bars that are missed are only reported. */
export async function benchStreaming(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: Object.keys(suites).join(",") },
      events: { type: "string", default: "1e7" },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "10" },
    },
  });
  const options = { events: Number(values.events), rounds: Number(values.rounds), seconds: Number(values.seconds) };
  let failed = false;
  for (const name of values.only.split(",")) {
    const suite = suites[name as keyof typeof suites];
    if (suite === undefined) throw new Error(`there is no streaming suite ${name}; there are ${Object.keys(suites)}`);
    try {
      for (const { text, isMet } of await suite(options))
        console.log(`${name}: ${text}${isMet ? "" : "  (bar missed)"}`);
    } catch (error) {
      console.error(`${name} FAILED: ${error instanceof Error ? error.message : String(error)}`);
      failed = true;
    }
  }
  return failed ? 1 : 0;
}
