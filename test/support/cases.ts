/** `npm run test:deep`, in which laws look for new cases. */
const IS_DEEP = process.env.MILLRACE_DEEP === "1";

const DEEP_CASES = Number(process.env.MILLRACE_CASES ?? 20_000);

const LONGEST_MS = 6 * 3_600_000;

/**
 * How many random cases a law of streams or state gets: `usual` of them in `npm test`; in `npm run test:deep` 20,000, or
 * as many as the environment variable MILLRACE_CASES says.
 */
export const cases = (usual: number): number => (IS_DEEP ? DEEP_CASES : usual);

/** How long a law with so many cases may take. */
export const patienceMs = (usualMs: number): number => (IS_DEEP ? LONGEST_MS : usualMs);
