import type { JobGraph } from "../runtime/job-graph.ts";
import { type ExplainedVertex, explainJob } from "./explain/job.ts";
import { type ExplainedPlan, explainSteps } from "./explain/steps.ts";
import { formatPlan, formatVertices } from "./explain/text.ts";
import type { LogicalNode } from "./logical.ts";

/**
 * A plan in three stages, as plain JSON. `version` changes when a field changes its meaning or goes away; fields may be
 * added without notice.
 */
export interface PlanExplanation {
  readonly version: 1;
  /** As the user wrote it. */
  readonly logical: ExplainedPlan;
  /** As the rules left it. */
  readonly optimized: ExplainedPlan;
  /** What runs: chains of operators and the exchanges between them. */
  readonly vertices: readonly ExplainedVertex[];
}

/** Describes how a job was planned. Nothing is read or run. */
export const explainPlan = (
  before: readonly LogicalNode[],
  after: readonly LogicalNode[],
  graph: JobGraph,
): PlanExplanation => ({
  version: 1,
  logical: explainSteps(before),
  optimized: explainSteps(after),
  vertices: explainJob(graph),
});

/** The stages as indented text, one step per line, inputs below the step that reads them. */
export const formatExplanation = ({ logical, optimized, vertices }: PlanExplanation): string =>
  [
    "Plan as written",
    ...formatPlan(logical),
    "",
    "Plan as optimized",
    ...formatPlan(optimized),
    "",
    "Job",
    ...formatVertices(vertices),
    "",
  ].join("\n");

/** The explanation as text to read, or as JSON with the fields of `PlanExplanation`. */
export function explain(
  before: readonly LogicalNode[],
  after: readonly LogicalNode[],
  graph: JobGraph,
  format: "text" | "json" = "text",
): string {
  const explanation = explainPlan(before, after, graph);
  return format === "json" ? JSON.stringify(explanation, undefined, 2) : formatExplanation(explanation);
}
