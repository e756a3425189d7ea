import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { Workspace } from "../../src/core/workspace.ts";

const module = new WebAssembly.Module(readFileSync(new URL("../../build/kernels.wasm", import.meta.url)));

/** A workspace that the caller keeps; prefer `withWorkspace`, which checks for leaks. */
export const newWorkspace = (limitBytes?: number): Workspace => new Workspace(module, limitBytes);

/** Runs with a fresh workspace, then checks that every block was released. */
export function withWorkspace<T>(use: (workspace: Workspace) => T, limitBytes?: number): T {
  const workspace = newWorkspace(limitBytes);
  const result = use(workspace);
  expect(workspace.allocator.liveBlocks, "blocks still live").toBe(0);
  return result;
}
