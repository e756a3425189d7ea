import { EvaluationError, PlanError } from "../errors.ts";
import type { FunctionSite } from "../rows/user-function.ts";
import type { Schema } from "../schema.ts";
import { formatType, sameType } from "../types.ts";

/** The method of a function object, bound to it. @throws {PlanError} FUNCTION_MISSING */
export function methodOf(given: object, method: string, site: FunctionSite): (...args: never[]) => unknown {
  const found = (given as Record<string, unknown>)[method];
  if (typeof found === "function") return found.bind(given) as (...args: never[]) => unknown;
  throw new PlanError(
    "FUNCTION_MISSING",
    `The function given to ${site.name} has no method ${method}.`,
    `Give an object with ${method}.`,
  );
}

/** @throws {PlanError} KEY_TYPES_DIFFER, STATE_BACKEND_MISSING */
export function checkKeys(
  inputs: readonly { readonly schema: Schema; readonly keys?: readonly string[] }[],
  hasState: boolean,
  site: FunctionSite,
): void {
  const keyed = inputs.filter(({ keys }) => keys !== undefined);
  if (keyed.length > 0 && !hasState) {
    throw new PlanError("STATE_BACKEND_MISSING", `${site.name} has keys but no state backend.`, "Pass one in options.");
  }
  const typesOf = ({ schema, keys = [] }: (typeof inputs)[number]) => keys.map((name) => schema.typeOf(name));
  for (const other of keyed.slice(1)) {
    const [a, b] = [typesOf(keyed[0]), typesOf(other)];
    if (a.length === b.length && a.every((type, i) => sameType(type, b[i]))) continue;
    throw new PlanError(
      "KEY_TYPES_DIFFER",
      `The inputs of ${site.name} have keys of the types ${a.map(formatType).join(", ")} and ${b.map(formatType).join(", ")}.`,
      "Cast one of them to the types of the other.",
    );
  }
}

export const updatesRefused = (where: string): EvaluationError =>
  new EvaluationError(
    "UPDATES_REFUSED",
    `${where} takes inserts only, but its input is a changelog with updates and deletes.`,
    "Turn the changelog into inserts first, or say that the function accepts updates and look at context.rowKind.",
  );
