import { readFileSync } from "node:fs";
import { KERNELS_FILE } from "./package-layout.ts";

let compiled: WebAssembly.Module | undefined;

/** The engine's kernels, compiled once per process; worker threads get the compiled module. */
export function kernelModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(KERNELS_FILE));
  return compiled;
}
