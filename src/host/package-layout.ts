// In sources this file is src/host/package-layout.ts. Compiled, it is part of a bundle: dist/index.js, dist/testing.js,
// dist/host/worker-entry.js, dist/cli/millrace.js or a file of dist/chunks.

/** The folder of the engine's own code, of sources or of compiled files; its path ends with a slash. */
export const OWN_FOLDER = new URL(
  /\/(?:host|cli|chunks)\/[^/]*$/.test(import.meta.url) ? "../" : "./",
  import.meta.url,
);

/** What stack traces name instead where source maps are on. */
export const SOURCE_FOLDER = new URL("../src/", OWN_FOLDER);

/** The compiled kernels, beside the folder of code. */
export const KERNELS_FILE = new URL("../build/kernels.wasm", OWN_FOLDER);

/** What a worker thread runs: always compiled, since a thread has no loader for TypeScript. */
export const WORKER_ENTRY = new URL("../dist/host/worker-entry.js", OWN_FOLDER);
