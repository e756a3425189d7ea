import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Collects garbage until the condition holds: callbacks about collected objects come in a later turn of the event loop. */
export async function collectGarbageUntil(
  isDone: () => boolean | Promise<boolean>,
  patienceMs = 20_000,
): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await isDone())) {
    if (Date.now() > end) throw new Error(`still not so after ${patienceMs} ms of collecting garbage`);
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
