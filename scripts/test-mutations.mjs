// `npm run test:mutations [-- options]`: whether the properties find known bugs that are planted. See docs/mutations.md.
import { prepare, run } from "./prepare.mjs";

prepare();
run("npx", ["tsx", "test/mutations/run.ts", ...process.argv.slice(2)]);
