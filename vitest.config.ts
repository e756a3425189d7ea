import { defineConfig } from "vitest/config";

const isDeep = process.env.MILLRACE_DEEP === "1";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", ...(isDeep ? ["test/**/*.deep.ts"] : [])],
    setupFiles: ["test/support/fixed-seed.ts"],
    testTimeout: isDeep ? 600_000 : 60_000,
    hookTimeout: 120_000,
    // Workers of the engine are real threads: processes keep test files apart.
    pool: "forks",
    maxWorkers: 2,
  },
});
