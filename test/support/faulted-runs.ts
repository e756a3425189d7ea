const IS_DEEP = process.env.MILLRACE_DEEP === "1";

/** How many jobs each law of test/property/faults runs under random faults. */
export const FAULTED_RUNS = IS_DEEP
  ? { namedPoints: 100_000, whateverFails: 220_000, failingDisks: 20_000, stoppedJobs: 20_000, randomPrograms: 20_000 }
  : { namedPoints: 1500, whateverFails: 1850, failingDisks: 150, stoppedJobs: 400, randomPrograms: 50 };

/** What docs/reliability.md promises of all of them; those of failing disks run over a sink and over files. */
export const LEAST_FAULTED_RUNS = IS_DEEP ? 400_000 : 4000;
