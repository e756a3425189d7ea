/** All suites by the name under which `--only` asks for them. */
import type { Suite } from "../harness/suite.ts";
import { groupBy } from "./group-by.ts";
import { join } from "./join.ts";

export const suites: Readonly<Record<string, Suite>> = { "group-by": groupBy, join };
