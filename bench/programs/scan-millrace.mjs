/** A program as a user would write it: sums of the columns of one Parquet file, as JSON. Started by cold.ts. */
import { col, ExecutionEnvironment, lit, sum, types } from "../../dist/index.js";

const { file, columns } = JSON.parse(process.argv[2]);
const reduced = (name, reduction) => {
  if (reduction === "text") return col(name).byteLength();
  return reduction === "date" ? col(name).dateDiff(lit("1970-01-01", types.date), "day") : col(name);
};
const sums = Object.entries(columns).map(([name, reduction]) => [name, sum(reduced(name, reduction))]);
const env = ExecutionEnvironment.create({ parallelism: 1 });
const [row] = await env.readParquet(file).aggregate(Object.fromEntries(sums)).collect();
const { user, system } = process.cpuUsage();
const text = (_, value) => (typeof value === "bigint" ? String(value) : value);
process.stdout.write(JSON.stringify({ row, cpuMs: (user + system) / 1000 }, text));
