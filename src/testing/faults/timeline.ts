import type { TraceEntry } from "../trace.ts";

/** What a reader wants to know of, by the name that the timeline gives it; the rest is left out. */
const SHOWN: Readonly<Record<string, string>> = {
  attempt: "START",
  finished: "finished",
  crashed: "-- the machine is down --",
  failed: "FAILED",
  left: "-- taken for dead, goes on --",
  stopped: "-- stopped with a savepoint --",
  rot: "ROT",
  "clock.jump": "CLOCK JUMP",
  "source.read": "emit",
  "checkpoint.aligning": "barrier waits",
  "checkpoint.overtaking": "barrier overtakes",
  "checkpoint.snapshot": "snapshot",
  "checkpoint.taken": "taken",
  "checkpoint.complete": "complete",
  "checkpoint.notifying": "notify",
  "checkpoint.committed": "committed",
  "savepoint.storing": "savepoint",
  "savepoint.stopping": "savepoint complete",
  "checkpoint.ending": "input ended",
  "checkpoint.final": "final checkpoint",
  "restore.committing": "restore: commit",
  "restore.subtask": "restore",
  "sink.prepare": "prepare",
  "sink.commit": "commit",
  "sink.abort": "abort",
};
/** Details that end so are faults that struck. */
const FAULT =
  /(?:^| )(crash|kill|thread-dies|io-error|disk-full|sync-lost|bit-flip|clock-jump|delay|cut|zombie|cancel|stop|rot|refused|rejected|ack-lost|slow|late)$/;
const MOST_LINES = 80;

/** The events of a run that tell its story, one per line, with runs of equal events drawn together. */
export function timelineOf(trace: readonly TraceEntry[]): string[] {
  const lines: string[] = [];
  let last = "";
  let count = 0;
  let lastMs = 0;
  const flush = () => {
    if (count > 0)
      lines.push(`${`${Math.round(lastMs)}`.padStart(7)} ms  ${last}${count > 1 ? ` (${count} times)` : ""}`);
  };
  for (const { atMs, label, detail } of trace) {
    const text = textOf(label, detail);
    if (text === undefined) continue;
    if (text === last) {
      count++;
      continue;
    }
    flush();
    [last, count, lastMs] = [text, 1, atMs];
  }
  flush();
  if (lines.length <= MOST_LINES) return lines;
  const half = MOST_LINES / 2;
  return [...lines.slice(0, half), `        ... ${lines.length - MOST_LINES} more ...`, ...lines.slice(-half)];
}

function textOf(label: string, detail: string): string | undefined {
  const at = label.indexOf("/");
  const thread = at < 0 ? "main" : label.slice(0, at);
  const event = at < 0 ? label : label.slice(at + 1);
  const fault = FAULT.exec(detail)?.[1];
  const shown = SHOWN[event];
  if (shown === undefined && fault === undefined) return undefined;
  const rest = fault === undefined ? detail : detail.slice(0, -fault.length).trim();
  const where = thread === "main" ? "" : `${thread}: `;
  const what = `${where}${shown ?? event}${rest === "" ? "" : ` ${rest}`}`;
  return fault === undefined ? what : `${what}  <== ${fault.toUpperCase()} at ${event}`;
}
