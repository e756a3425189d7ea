// `npm run test:chaos -- --kills N [--seed S] [--sinks files,postgres]`: a job whose process is killed again and again.
import { prepare, run } from "./prepare.mjs";

prepare();
run(process.execPath, ["--import", "tsx", "test/chaos/main.ts", ...process.argv.slice(2)]);
