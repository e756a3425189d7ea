import { PlanError } from "../errors.ts";

/** A PlanError STATE_INCOMPATIBLE. */
export const incompatible = (whatHappened: string): PlanError =>
  new PlanError(
    "STATE_INCOMPATIBLE",
    whatHappened,
    "Columns may be added, left out and widened, and renamed with renamedState; else declare the state as it was when the snapshot was taken, or give it another name to begin anew.",
  );
