#!/usr/bin/env node
// The command line: `millrace run job.ts`.
import { RUN_USAGE, runCommand } from "./run-command.ts";

const [command, ...rest] = process.argv.slice(2);
if (command === "run" && !rest.includes("--help")) {
  process.exitCode = await runCommand(rest, {
    printError: (line) => console.error(line),
    onInterrupt: (callback) => {
      process.once("SIGINT", callback);
      return () => process.off("SIGINT", callback);
    },
  });
} else {
  const isHelp = command === undefined || command === "help" || rest.includes("--help") || command === "--help";
  console.log(isHelp ? RUN_USAGE : `There is no command "${command}".\n\n${RUN_USAGE}`);
  process.exitCode = isHelp ? 0 : 2;
}
