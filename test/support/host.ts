import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "../../src/core/host.ts";
import { nodeHost } from "../../src/host/node-host.ts";

/** The real host, for tests that read and write real files. */
export const testHost = (): Host => nodeHost();

/** Runs with an empty directory, which is removed afterwards. */
export async function withDirectory<T>(use: (directory: string) => T | Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "millrace-test-"));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
