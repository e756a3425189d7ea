import * as fc from "fast-check";
import type { Row, StreamHarness } from "./stream-harness.ts";

/** A row of one input with its event time. */
export interface TimedRow {
  readonly input: number;
  readonly time: number;
  readonly row: Row;
  readonly kind?: number;
}

export type Step =
  | { readonly kind: "rows"; readonly input: number; readonly rows: readonly TimedRow[] }
  | { readonly kind: "watermark"; readonly timeMs: number }
  | { readonly kind: "restart"; readonly parallelism: number };

export interface ScriptOptions {
  /** Rows come at most so late behind later ones. */
  readonly disorderMs?: number;
  readonly maxRows?: number;
  readonly inputs?: number;
  readonly times?: fc.Arbitrary<number>;
  /** Whether restarts are among the steps. */
  readonly restarts?: boolean;
}

/** Rows in any order within the bound, cut into batches, with watermarks that keep the bound, and restarts. */
export const anyScript = (
  row: (input: number) => fc.Arbitrary<Row>,
  options: ScriptOptions = {},
): fc.Arbitrary<Step[]> => {
  const {
    disorderMs = 6,
    maxRows = 30,
    inputs = 2,
    times = fc.integer({ min: -20, max: 30 }),
    restarts = true,
  } = options;
  const timed = fc
    .tuple(fc.nat(inputs - 1), times, fc.nat(disorderMs))
    .chain(([input, time, delay]) => row(input).map((values) => ({ input, time, delay, row: values })));
  const cut = fc.record({
    isCut: fc.boolean(),
    watermark: fc.constantFrom("none", "none", "tight", "loose" as const),
    restart: restarts ? fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, 3) : fc.constant(0),
  });
  return fc
    .tuple(
      fc.array(timed, { maxLength: maxRows, size: "max" }),
      fc.array(cut, { minLength: maxRows, maxLength: maxRows, size: "max" }),
    )
    .map(([given, cuts]) => {
      const rows = given
        .map((entry, i) => ({ ...entry, arrival: entry.time + entry.delay, row: { ...entry.row, id: i } }))
        .sort((a, b) => a.arrival - b.arrival);
      const steps: Step[] = [];
      let open: TimedRow[] = [];
      const flush = (): void => {
        if (open.length > 0) steps.push({ kind: "rows", input: open[0].input, rows: open });
        open = [];
      };
      let watermark = Number.NEGATIVE_INFINITY;
      for (const [i, entry] of rows.entries()) {
        if (open.length > 0 && (open[0].input !== entry.input || cuts[i].isCut)) flush();
        if (cuts[i].watermark !== "none") {
          const timeMs = entry.arrival - disorderMs - (cuts[i].watermark === "tight" ? 1 : 4);
          if (timeMs > watermark) {
            flush();
            watermark = timeMs;
            steps.push({ kind: "watermark", timeMs });
          }
        }
        if (cuts[i].restart > 0) {
          flush();
          steps.push({ kind: "restart", parallelism: cuts[i].restart });
        }
        open.push({ input: entry.input, time: entry.time, row: entry.row });
      }
      flush();
      return steps;
    });
};

/** All rows of a script, in the order in which they come. */
export const rowsOf = (steps: readonly Step[]): TimedRow[] =>
  steps.flatMap((step) => (step.kind === "rows" ? step.rows : []));

/** Runs a script to the end of the input. */
export function play(harness: StreamHarness, steps: readonly Step[]): void {
  for (const step of steps) {
    if (step.kind === "watermark") harness.watermark(step.timeMs);
    else if (step.kind === "restart") harness.restart(step.parallelism);
    else {
      const times = step.rows.map(({ time }) => time);
      const hasKinds = step.rows.some(({ kind }) => kind !== undefined);
      const kinds = step.rows.map(({ kind = 0 }) => kind);
      harness.rows(
        step.input,
        step.rows.map(({ row }) => row),
        { times, ...(hasKinds ? { kinds } : {}) },
      );
    }
  }
  harness.end();
}

/** Rows as text, sorted: equal for equal multisets. */
export const multiset = (rows: readonly unknown[]): string[] =>
  rows.map((row) => JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}n` : value))).sort();

/** The rows that a changelog leaves. @throws where a row is taken back that is not there */
export function fold(changes: readonly { readonly row: Row; readonly kind: number }[]): Row[] {
  const left = new Map<string, Row[]>();
  for (const { row, kind } of changes) {
    const [text] = multiset([
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number.isNaN(value) ? "NaN" : value])),
    ]);
    const rows = left.get(text) ?? [];
    left.set(text, rows);
    if (kind === 0 || kind === 2) rows.push(row);
    else if (rows.pop() === undefined) throw new Error(`${text} is taken back, but is not there`);
  }
  return [...left.values()].flat();
}

/** Takes rows back that came before, in the batches of the script: `choices` says which. */
export function retractSome(steps: readonly Step[], choices: readonly number[]): Step[] {
  const living: TimedRow[][] = [];
  let at = 0;
  return steps.map((step) => {
    if (step.kind !== "rows") return step;
    living[step.input] ??= [];
    const mine = living[step.input];
    const rows = step.rows.flatMap((row): TimedRow[] => {
      const choice = choices[at++ % choices.length];
      mine.push(row);
      const added: TimedRow = { ...row, kind: choice === 2 ? 2 : 0 };
      if (choice !== 1 && choice !== 2) return [added];
      const [gone] = mine.splice(choice % mine.length, 1);
      return [added, { ...gone, time: row.time, kind: choice === 1 ? 3 : 1 }];
    });
    return { ...step, rows };
  });
}
