import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runDirectory } from "./run-directory.ts";

/** For vitest: servers that test files of one run share are noted in a directory, and ended behind the last of them. */
export default function setup(): () => void {
  const directory = runDirectory("millrace-services-");
  process.env.MILLRACE_SERVICES_RUN = directory;
  // Those that start servers in another process have them end with this one.
  process.env.MILLRACE_SERVICES_PID = String(process.pid);
  return () => {
    for (const name of readdirSync(directory).filter((each) => each.endsWith(".json"))) {
      const { pid, folder } = JSON.parse(readFileSync(join(directory, name), "utf8"));
      process.kill(pid, "SIGQUIT");
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    }
    rmSync(directory, { recursive: true, force: true });
  };
}
