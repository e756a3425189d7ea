import { defineConfig } from "vitest/config";

const isDeep = process.env.MILLRACE_DEEP === "1";
/** A planted bug that tests are to find: see docs/mutations.md. */
const mutation = process.env.MILLRACE_MUTATION;
const plugins = mutation === undefined ? [] : [(await import("./test/mutations/plugin.ts")).mutationPlugin(mutation)];

export default defineConfig({
  plugins,
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
