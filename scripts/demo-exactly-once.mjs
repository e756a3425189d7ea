// `npm run demo:exactly-once [-- --kills N]`: a job that is killed twenty times, and what it has written.
import { prepare } from "./prepare.mjs";

prepare();
// In this process, so that an interrupt finds nobody between it and the demo.
const { register } = await import("tsx/esm/api");
register();
await import("../test/chaos/demo.ts");
