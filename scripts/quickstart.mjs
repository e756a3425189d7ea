// `npm run quickstart`: three million real flights, from Parquet to answers.
import { prepare, run } from "./prepare.mjs";

prepare();
run("npx", ["tsx", "examples/quickstart.ts"]);
