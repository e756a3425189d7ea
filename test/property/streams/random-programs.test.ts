import { describeLaws } from "../../support/stream-dag/laws.ts";

describeLaws(60);
