import fc from "fast-check";

// A run of `npm test` gives the same verdict for the same sources; `npm run test:deep` looks for new cases.
if (process.env.MILLRACE_DEEP !== "1") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_261_122 });
