import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/**
 * A directory for the files of one test file. Inside it, `temporary` takes the place of the system's temporary
 * directory, also for worker threads, so that what jobs leave there can be told from other processes' files.
 */
export function testDirectory(): { readonly path: string; leftovers(): string[] } {
  const previous = process.env.TMPDIR;
  const path = mkdtempSync(join(tmpdir(), "millrace-test-"));
  const temporary = join(path, "temporary");
  beforeAll(() => {
    mkdirSync(temporary);
    process.env.TMPDIR = temporary;
  });
  afterAll(() => {
    if (previous === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = previous;
    rmSync(path, { recursive: true, force: true });
  });
  return { path, leftovers: () => readdirSync(temporary) };
}
