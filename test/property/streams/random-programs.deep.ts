import { describeLaws } from "../../support/stream-dag/laws.ts";

// Five laws: more than 20,000 cases in all.
describeLaws(5_500);
