import { PlanError } from "../../errors.ts";
import { nearestNames } from "../suggest.ts";
import { arithmeticFunctions } from "./arithmetic.ts";
import { comparisonFunctions } from "./comparison.ts";
import { datetimeFunctions } from "./datetime.ts";
import type { FunctionDefinition } from "./definition.ts";
import { hashFunctions } from "./hash.ts";
import { logicalFunctions } from "./logical.ts";
import { mathFunctions } from "./math.ts";
import { nestedFunctions } from "./nested.ts";
import { nullFunctions } from "./null.ts";
import { regexpFunctions } from "./regexp.ts";
import { textFunctions } from "./text.ts";
import { textSearchFunctions } from "./text-search.ts";

const functions: ReadonlyMap<string, FunctionDefinition> = new Map(
  [
    arithmeticFunctions,
    comparisonFunctions,
    logicalFunctions,
    nullFunctions,
    mathFunctions,
    textFunctions,
    textSearchFunctions,
    regexpFunctions,
    datetimeFunctions,
    hashFunctions,
    nestedFunctions,
  ].flatMap((table) => Object.entries(table)),
);

/** @throws {PlanError} FUNCTION_UNKNOWN */
export function functionNamed(name: string): FunctionDefinition {
  const definition = functions.get(name);
  if (definition === undefined) {
    const near = nearestNames(name, [...functions.keys()]);
    throw new PlanError(
      "FUNCTION_UNKNOWN",
      `There is no function "${name}".`,
      near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "See the Expression class for all functions.",
    );
  }
  return definition;
}

/** All function names, for tests and documentation. */
export const functionNames = (): string[] => [...functions.keys()].sort();
