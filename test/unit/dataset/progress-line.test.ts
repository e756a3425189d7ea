import { describe, expect, it } from "vitest";
import { ProgressLine, progressText } from "../../../src/dataset/progress-line.ts";

const CLEAR = "\r\u001b[K";

interface SetUp {
  isTTY?: boolean;
  columns?: number;
  environment?: Record<string, string>;
}

function setUp(options: SetUp = {}) {
  const written: string[] = [];
  const clock = { now: 0, monotonicMs: () => clock.now };
  const { isTTY = true, columns = 200, environment = {} } = options;
  const stream = { isTTY, columns, write: (text: string) => written.push(text) };
  const line = new ProgressLine({ stream, clock, environment });
  return { written, clock, line };
}
const progress = { rows: 1_500_000, bytes: 34_200_000, totalBytes: 68_400_000 };

describe("ProgressLine", () => {
  it("waits, then writes at most once per interval", () => {
    const { written, clock, line } = setUp();
    for (clock.now = 0; clock.now < 1000; clock.now += 10) line.update(progress);
    expect(written.length).toBe(5);
    expect(written.every((text) => text.startsWith(CLEAR))).toBe(true);
  });

  it("leaves no trace", () => {
    const { written, clock, line } = setUp();
    clock.now = 600;
    line.update(progress);
    line.end();
    clock.now = 900;
    line.update(progress);
    line.end();
    expect(written.slice(1)).toEqual([CLEAR]);
  });

  it("makes room for other output and comes back", () => {
    const { written, clock, line } = setUp();
    clock.now = 600;
    line.update(progress);
    line.clear();
    line.clear();
    clock.now = 700;
    line.update(progress);
    expect(written.length).toBe(3);
    expect(written[1]).toBe(CLEAR);
  });

  it("writes nothing for a short job", () => {
    const { written, clock, line } = setUp();
    clock.now = 499;
    line.update(progress);
    line.end();
    expect(written).toEqual([]);
  });

  const off: SetUp[] = [{ isTTY: false }, { environment: { NO_PROGRESS: "1" } }, { environment: { TERM: "dumb" } }];
  it.each(off)("is off with %o", (options) => {
    const { written, clock, line } = setUp(options);
    clock.now = 10_000;
    line.update(progress);
    line.end();
    expect(written).toEqual([]);
  });

  it("never wraps", () => {
    const { written, clock, line } = setUp({ columns: 30 });
    clock.now = 600;
    line.update(progress);
    expect(written[0].length).toBe(CLEAR.length + 29);
  });
});

it.each([
  [progress, 1250, "━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌   50%  1.5 M rows  34.2 MB  1.2 M rows/s  1.3 s left"],
  [{ rows: 999, bytes: 0 }, 2000, "999 rows  500 rows/s  2.0 s"],
  [{ rows: 10, bytes: 0, totalRows: 1000 }, 1000, "╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌    1%  10 rows  10 rows/s  1.0 s"],
  [{ rows: 1000, bytes: 0, totalRows: 500 }, 1000, "━━━━━━━━━━━━━━━━━━━━  100%  1.0 k rows  1.0 k rows/s  1.0 s"],
  [{ rows: 999_600, bytes: 0, totalRows: 9_996_000 }, 1e6, /1.0 M rows {2}1.0 k rows\/s {2}2 h 30 min left$/],
  [{ rows: 0, bytes: 0 }, 90_000, "0 rows  0 rows/s  1 min 30 s"],
])("says how far a job is: %o after %i ms", (given, elapsedMs, text) => {
  if (typeof text === "string") expect(progressText(given, elapsedMs)).toBe(text);
  else expect(progressText(given, elapsedMs)).toMatch(text);
});
