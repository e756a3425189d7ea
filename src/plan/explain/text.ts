import type { ExplainedExchange, ExplainedVertex } from "./job.ts";
import type { ExplainedPlan, ExplainedStep } from "./steps.ts";

/** A plan as a tree per root. A step that several read is drawn once and referred to by its number. */
export function formatPlan({ roots, steps }: ExplainedPlan): string[] {
  const readers = new Map<number, number>();
  for (const id of [...roots, ...steps.flatMap((step) => step.inputs)]) readers.set(id, (readers.get(id) ?? 0) + 1);
  const byId = new Map(steps.map((step) => [step.id, step]));
  const drawn = new Set<number>();
  const lines: string[] = [];
  const draw = (id: number, first: string, rest: string): void => {
    const step = byId.get(id);
    if (step === undefined) return;
    const label = (readers.get(id) ?? 0) > 1 ? `#${id} ` : "";
    if (drawn.has(id)) {
      lines.push(`${first}see ${label}${step.operator} above`);
      return;
    }
    drawn.add(id);
    lines.push(`${first}${label}${formatStep(step)}`);
    for (const [i, input] of step.inputs.entries()) {
      const isLast = i === step.inputs.length - 1;
      draw(input, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`);
    }
  };
  for (const root of roots) draw(root, "  ", "  ");
  return lines;
}

function formatStep(step: ExplainedStep): string {
  const facts: string[] = [];
  if (step.operator === "source") facts.push(`columns ${step.columns.map(({ name }) => name).join(", ")}`);
  if (step.skips !== undefined) facts.push(`skips unless ${step.skips}`);
  if (step.estimatedRows !== undefined) facts.push(`~${formatCount(step.estimatedRows)} rows`);
  if (step.callSite !== undefined) facts.push(`at ${step.callSite}`);
  const head = step.description === "" ? step.operator : `${step.operator} ${step.description}`;
  return facts.length === 0 ? head : `${head}  [${facts.join("; ")}]`;
}

const formatCount = (count: number): string => count.toLocaleString("en-US");

/** Vertices in order, each with the exchanges that bring its rows. */
export const formatVertices = (vertices: readonly ExplainedVertex[]): string[] =>
  vertices.flatMap((vertex) => [
    `  #${vertex.id} ${vertex.chain.join(" -> ") || "exchange"}  [${formatPlace(vertex)}]`,
    ...vertex.inputs.map((input) => `     <- #${input.from} ${formatExchange(input, vertex)}`),
  ]);

function formatPlace({ parallelism, placement }: ExplainedVertex): string {
  const subtasks = parallelism === 1 ? "1 subtask" : `${parallelism} subtasks`;
  return placement === "planner" ? `${subtasks} on the planning thread` : subtasks;
}

function formatExchange(input: ExplainedExchange, vertex: ExplainedVertex): string {
  const keys = input.keys === undefined ? "" : `(${input.keys.join(", ")})`;
  const isOneOfMany = vertex.inputs.length > 1;
  return [
    `${input.exchange}${keys}`,
    ...(isOneOfMany ? [`input ${input.input}`] : []),
    ...(input.isOrdered ? ["merged in order"] : []),
    ...(input.buffered === undefined ? [] : [`buffered: ${input.buffered}`]),
  ].join(", ");
}
