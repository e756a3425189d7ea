import { cases } from "../../support/cases.ts";
import { describeLaws } from "../../support/stream-dag/laws.ts";

describeLaws(cases(60));
