// `npm run demo:exactly-once [-- --kills N]`: a stream of flights whose process is killed, and what it has written.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ChaosFailure, runChaos } from "./chaos.ts";
import type { Choice } from "./choice.ts";
import { type Aim, isCheckpoint } from "./moments.ts";
import { inSeconds, Picture } from "./picture.ts";

const ROWS_PER_KILL = 1_000;
/** As many as pass in a second or so: to see the job get on. */
const ROWS_PER_SECOND = 2_000;

/** Somewhere behind one of the first checkpoints of a life. */
const behindFewCheckpoints = (choice: Choice): Aim => ({
  name: "any moment",
  counts: isCheckpoint,
  occurrence: 2 + choice.below(5),
  delayMs: choice.below(60),
});

function killsAskedFor(): number {
  try {
    const { values } = parseArgs({ options: { kills: { type: "string", default: "20" } } });
    const kills = Number(values.kills);
    if (Number.isInteger(kills) && kills > 0) return kills;
  } catch {
    // An option that there is not.
  }
  console.error("Usage: npm run demo:exactly-once [-- --kills N]");
  return process.exit(2);
}

const kills = killsAskedFor();
const directory = mkdtempSync(join(tmpdir(), "millrace-demo-"));
const picture = new Picture(process.stdout, process.env);

// Whoever is interrupted leaves no file and no process. A process that has just been killed may still write.
const interrupted = new AbortController();
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.once(signal, () => {
    interrupted.abort();
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    picture.line();
    process.exit(code);
  });
}

picture.line(`Exactly once? A stream of real flights, whose process is killed ${kills} times.`);
picture.line("It keeps running totals and timers by airport and windows of an hour, takes a checkpoint");
picture.line("every 50 ms, and writes files. Each life goes on where the last complete checkpoint was.\n");
const startedMs = performance.now();
try {
  picture.underWay("undisturbed ...");
  const { written, undisturbed, reports } = await runChaos({
    kills,
    seed: 20,
    directory,
    rowsPerKill: ROWS_PER_KILL,
    rowsPerSecond: ROWS_PER_SECOND,
    mostThreads: 2,
    aim: behindFewCheckpoints,
    signal: interrupted.signal,
    onUndisturbed: (ms) => {
      picture.line(`The undisturbed run takes ${inSeconds(ms)} s.\n`);
      picture.head();
    },
    onProgress: (life) => picture.life(life),
    onLife: (life) => picture.lifeEnded(life),
  });
  picture.lastLife(kills + 1, written);
  picture.line();
  picture.written("undisturbed", undisturbed);
  picture.written("killed", written);
  const seconds = inSeconds(performance.now() - startedMs);
  picture.line();
  picture.verdict(
    true,
    `Identical: ${reports.toLocaleString("en")} flights, ${kills} ${kills === 1 ? "kill" : "kills"}, no row lost, none twice. ${seconds} s.`,
  );
  process.exit(0);
} catch (thrown) {
  picture.line();
  picture.verdict(false, `NOT IDENTICAL, or not finished: ${thrown instanceof ChaosFailure ? thrown.message : ""}`);
  if (!(thrown instanceof ChaosFailure)) console.error(thrown);
  process.exit(1);
}
