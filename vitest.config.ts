import { defineConfig } from "vitest/config";

const isDeep = process.env.MILLRACE_DEEP === "1";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", ...(isDeep ? ["test/**/*.deep.ts"] : [])],
    globalSetup: ["test/support/services-run.ts"],
    setupFiles: ["test/support/fixed-seed.ts", ...(isDeep ? ["test/support/law-counts.ts"] : [])],
    // 20,000 cases take what they take.
    testTimeout: isDeep ? 6 * 3_600_000 : 60_000,
    hookTimeout: 120_000,
    // Workers of the engine are real threads: processes keep test files apart.
    pool: "forks",
    maxWorkers: 2,
  },
});
