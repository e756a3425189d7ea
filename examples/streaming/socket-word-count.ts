// How often each word came within five seconds, of the lines that a server sends. Type lines into the first terminal:
//   nc -lk 9000
//   npx tsx examples/streaming/socket-word-count.ts [port] [host]
import { fileURLToPath } from "node:url";
import { type DataStream, Schema, StreamExecutionEnvironment, TumblingProcessingTimeWindows, types } from "millrace";

const word = Schema.of({ word: types.utf8 });

/** One row per word and window of so many milliseconds of the clock. */
export function wordCounts(lines: DataStream<{ readonly line: typeof types.utf8 }>, windowMs: number) {
  return lines
    .flatMap(({ line }) => (line ?? "").split(/\s+/).flatMap((each) => (each === "" ? [] : [{ word: each }])), {
      schema: word,
    })
    .keyBy("word")
    .window(TumblingProcessingTimeWindows.of(windowMs))
    .count();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port = "9000", host = "localhost"] = process.argv.slice(2);
  const env = StreamExecutionEnvironment.create();
  for await (const row of wordCounts(env.socketTextStream(host, Number(port)), 5_000).executeAndCollect()) {
    console.log(`${row.word}: ${row.count}`);
  }
}
