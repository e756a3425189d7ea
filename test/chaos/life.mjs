// One life of the job: a process that has loaded the engine, and runs the job once it is told how.
import { runJobModule } from "millrace";

// Nobody is left who would kill it.
process.on("disconnect", () => process.exit(1));
process.once("message", async ({ parallelism, args }) => {
  // Small batches: a barrier waits for those in front of it, at the pace of the job.
  await runJobModule(new URL("./flights-job.mjs", import.meta.url), { parallelism, batchRows: 16, args });
  process.exit(0);
});
