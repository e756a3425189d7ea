// Compiles the entry points into a few files. Node takes about a millisecond to find, read and link a module, so
// hundreds of small ones would delay every start of a process, and of a worker thread. Packages stay imports.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { withNativeNames } from "./native-names.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ["src/index.ts", "src/testing.ts", "src/host/worker-entry.ts", "src/cli/millrace.ts"],
  outbase: "src",
  outdir: "dist",
  // src/host/package-layout.ts knows these folders.
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  // The name of a class is that of its errors and what stack traces say, also where two files use it.
  keepNames: true,
  logLevel: "warning",
  write: false,
});
// Names of the shared files carry a hash of their content: those of earlier builds would stay.
rmSync(new URL("../dist/chunks", import.meta.url), { recursive: true, force: true });
for (const { path, contents, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, path.endsWith(".js") ? withNativeNames(text) : contents);
}
