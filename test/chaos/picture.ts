import { styleText } from "node:util";
import type { LifeSeen, LifeUnderWay } from "./chaos.ts";
import { checksumOfRows, type Written } from "./output.ts";

const TIMELINE = 30;
/** One character, but in lives that are longer than the line. */
const TICK_MS = 60;
const CLEAR_LINE = "\r\u001b[K";

/** The part of a terminal stream that is used here; `process.stdout` is one. */
export interface PictureStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

type Colour = "red" | "green" | "bold";

/** Shows lives that end by a kill, a line each; on a terminal also the one that is under way. */
export class Picture {
  readonly #stream: PictureStream;
  readonly #isColoured: boolean;
  #rowsBefore = 0;

  constructor(stream: PictureStream, environment: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream;
    this.#isColoured = stream.isTTY === true && (environment.NO_COLOR ?? "") === "" && environment.TERM !== "dumb";
  }

  /** A line that stays. */
  line(text = ""): void {
    this.#stream.write(`${this.#stream.isTTY === true ? CLEAR_LINE : ""}${text}\n`);
  }

  /** A line that the next one takes the place of; nothing where there is no terminal. */
  underWay(text: string): void {
    if (this.#stream.isTTY === true) this.#stream.write(CLEAR_LINE + text);
  }

  head(): void {
    const what = `${this.#mark("green", "●")} checkpoint ${this.#mark("red", "✗")} kill -9`.padEnd(
      TIMELINE + (this.#isColoured ? 2 * styleText("red", "").length : 0),
    );
    this.line(`life threads  ${what}  seconds   went on from  rows committed`);
  }

  life({ kill, parallelism, checkpointsMs }: LifeUnderWay): void {
    const nowMs = checkpointsMs.at(-1) ?? 0;
    this.underWay(`${lifeName(kill, parallelism)}  ${this.#timeline(checkpointsMs, nowMs, "")}`);
  }

  lifeEnded({ kill, parallelism, checkpointsMs, livedMs, wentOnFrom, visible }: LifeSeen): void {
    const rows = visible.journal.size + visible.hours.size;
    const from = wentOnFrom === undefined ? "the start" : `checkpoint ${Number(wentOnFrom.split("-").at(-1))}`;
    const timeline = this.#timeline(checkpointsMs, livedMs, this.#mark("red", "✗"));
    this.line(
      `${lifeName(kill, parallelism)}  ${timeline}  ${inSeconds(livedMs).padStart(7)}  ${from.padStart(13)}  ${count(rows, 7)} (+${rows - this.#rowsBefore})`,
    );
    this.#rowsBefore = rows;
  }

  /** The life that nobody kills. */
  lastLife(life: number, written: Written): void {
    const rows = Object.values(written).reduce((total, { size }) => total + size, 0);
    const text = "to the end of its input".padEnd(TIMELINE);
    this.line(
      `${lifeName(life)}  ${text}  ${" ".repeat(7)}  ${" ".repeat(13)}  ${count(rows, 7)} (+${rows - this.#rowsBefore})`,
    );
  }

  written(run: string, written: Written): void {
    for (const [output, rows] of Object.entries(written)) {
      this.line(`${run.padEnd(12)}  ${output.padEnd(8)}${count(rows.size, 8)} rows  sha256 ${checksumOfRows(rows)}`);
    }
  }

  verdict(isGood: boolean, text: string): void {
    this.line(this.#mark("bold", this.#mark(isGood ? "green" : "red", text)));
  }

  #timeline(checkpointsMs: readonly number[], untilMs: number, end: string): string {
    const tickMs = Math.max(TICK_MS, untilMs / (TIMELINE - 1));
    const marks = new Set(checkpointsMs.map((ms) => Math.floor(ms / tickMs)));
    const last = Math.floor(untilMs / tickMs);
    const ticks = Array.from({ length: last }, (_, at) => (marks.has(at) ? this.#mark("green", "●") : "─"));
    return ticks.join("") + end + " ".repeat(Math.max(0, TIMELINE - last - 1));
  }

  #mark(colour: Colour, text: string): string {
    return this.#isColoured ? styleText(colour, text) : text;
  }
}

const lifeName = (life: number, parallelism?: number): string =>
  `${String(life).padStart(4)} ${String(parallelism ?? "").padStart(7)}`;

const count = (value: number, width: number): string => value.toLocaleString("en").padStart(width);

export const inSeconds = (ms: number): string => (ms / 1_000).toFixed(2);
