import { resolve, sep } from "node:path";
import { localPath } from "../connectors/files/paths.ts";
import { PlanError } from "../core/errors.ts";
import type { SinkSpec } from "../core/sink.ts";

/**
 * Of two outputs of one job to one path only the later one would be left, and one inside another would go with it.
 * @throws {PlanError} TARGET_TWICE
 */
export function checkTargets(sinks: readonly SinkSpec[]): void {
  const targets: string[] = [];
  for (const { path } of sinks as readonly { path?: unknown }[]) {
    if (typeof path !== "string") continue; // which the sink refuses
    const target = resolve(localPath(path));
    if (targets.some((other) => isInside(target, other) || isInside(other, target))) {
      throw new PlanError(
        "TARGET_TWICE",
        `Two outputs of this job go to "${path}".`,
        "Give each a path of its own, outside of the other's, or write the union of both.",
      );
    }
    targets.push(target);
  }
}

/**
 * Files of streams are added to a directory, and two that call theirs alike would take each other's place.
 * @throws {PlanError} TARGET_TWICE
 */
export function checkRollingTargets(sinks: readonly SinkSpec[]): void {
  const targets = new Set<string>();
  for (const { kind, path, prefix = "part" } of sinks as readonly (SinkSpec & { path?: string; prefix?: string })[]) {
    if (!kind.startsWith("rolling-") || path === undefined) continue;
    const target = JSON.stringify([resolve(localPath(path)), prefix]);
    if (targets.has(target)) {
      throw new PlanError(
        "TARGET_TWICE",
        `Two outputs of this job write files of the same names to "${path}".`,
        "Give each a path or a prefix of its own, or write the union of both.",
      );
    }
    targets.add(target);
  }
}

const isInside = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(`${directory}${sep}`);
