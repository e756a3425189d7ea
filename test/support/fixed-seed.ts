import fc from "fast-check";

// A run of `npm test` gives the same verdict for the same sources; `npm run test:deep` looks for new cases. What a law
// reported as seed and path is played again with MILLRACE_SEED and MILLRACE_PATH.
const { MILLRACE_DEEP, MILLRACE_SEED, MILLRACE_PATH } = process.env;
const known = fc.readConfigureGlobal();
if (MILLRACE_SEED !== undefined) {
  fc.configureGlobal({ ...known, seed: Number(MILLRACE_SEED), ...(MILLRACE_PATH && { path: MILLRACE_PATH }) });
} else if (MILLRACE_DEEP !== "1") fc.configureGlobal({ ...known, seed: 20_261_122 });

// That a planted bug is found is all that is asked: nobody reads the counterexample.
if (process.env.MILLRACE_MUTATION !== undefined) {
  fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true });
}
