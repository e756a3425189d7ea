#!/usr/bin/env node
// The command line: `millrace run job.ts`, `millrace savepoint inspect <path>`.
import { RUN_USAGE, runCommand } from "./run-command.ts";
import { SAVEPOINT_USAGE, savepointCommand } from "./savepoint-command.ts";

const USAGE = `${RUN_USAGE}\n\n${SAVEPOINT_USAGE}`;

const [command, ...rest] = process.argv.slice(2);
if (command === "run" && !rest.includes("--help")) {
  process.exitCode = await runCommand(rest, {
    printError: (line) => console.error(line),
    onInterrupt: (callback) => {
      process.once("SIGINT", callback);
      return () => process.off("SIGINT", callback);
    },
  });
} else if (command === "savepoint" && !rest.includes("--help")) {
  process.exitCode = await savepointCommand(rest, {
    print: (line) => console.log(line),
    printError: (line) => console.error(line),
  });
} else {
  const isHelp = command === undefined || command === "help" || rest.includes("--help") || command === "--help";
  console.log(isHelp ? USAGE : `There is no command "${command}".\n\n${USAGE}`);
  process.exitCode = isHelp ? 0 : 2;
}
