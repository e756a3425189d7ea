import { readFileSync } from "node:fs";

let compiled: WebAssembly.Module | undefined;

/** The engine's kernels, compiled once per process; worker threads get the compiled module. */
export function kernelModule(): WebAssembly.Module {
  // Two levels up from src/host and from dist/host alike.
  compiled ??= new WebAssembly.Module(readFileSync(new URL("../../build/kernels.wasm", import.meta.url)));
  return compiled;
}
