import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type LifeSeen, runChaos } from "../../chaos/chaos.ts";
import { postgresUrl } from "../../support/postgres.ts";

const url = await postgresUrl();

// A small one of `npm run test:chaos`, which says what it does.
it("a job whose process is killed and started again writes to files and tables what an undisturbed one does", async () => {
  const lives: LifeSeen[] = [];
  const { written, reports } = await runChaos({
    kills: 5,
    seed: 2,
    directory: mkdtempSync(join(tmpdir(), "millrace-test-")),
    rowsPerKill: 200,
    ...(url === undefined ? {} : { postgresUrl: url }),
    onLife: (life) => lives.push(life),
  });
  expect(lives.filter(({ killedAt }) => killedAt !== undefined).length).toBe(5);
  expect(lives.filter(({ wentOnFrom }) => wentOnFrom !== undefined).length).toBeGreaterThan(1);
  expect([...written.journal].filter((row) => row.includes('"kind":"report"')).length).toBe(reports);
  expect(Object.keys(written).length).toBe(url === undefined ? 2 : 4);
}, 240_000);
