/** A field as it is meant: its text, null where it is empty without quotes, undefined where it is malformed. */
export type ReferenceField = string | null | undefined;

/**
 * Records of delimited text, byte by byte, as kernels/csv.ts and kernels/csv-strings.ts mean them. A quote opens a field only
 * at its start; text after a closing quote makes the field malformed; a quote that never closes spoils the last record.
 */
export function csvRecordsReference(text: string, delimiter: string, isSingleColumn: boolean): ReferenceField[][] {
  const records: ReferenceField[][] = [];
  let record: string[] = [];
  let raw = "";
  let state: "start" | "plain" | "quoted" | "closed" = "start";
  const endRecord = () => {
    if (raw.endsWith("\r")) raw = raw.slice(0, -1);
    const isBlank = record.length === 0 && raw === "";
    record.push(raw);
    if (!isBlank || isSingleColumn) records.push(record.map(fieldReference));
    record = [];
    raw = "";
    state = "start";
  };
  for (const character of text === "" || text.endsWith("\n") ? text : `${text}\n`) {
    if (state === "quoted") {
      raw += character;
      if (character === '"') state = "closed";
    } else if (character === '"' && state !== "plain") {
      raw += character;
      state = "quoted";
    } else if (character === "\n") endRecord();
    else if (character === delimiter) {
      record.push(raw);
      raw = "";
      state = "start";
    } else {
      raw += character;
      state = "plain";
    }
  }
  // Text is left only behind a quote that never closes.
  if (raw !== "" || record.length > 0) records.push([undefined]);
  return records;
}

function fieldReference(raw: string): ReferenceField {
  if (raw === "") return null;
  if (!raw.startsWith('"')) return raw;
  const match = /^"((?:[^"]|"")*)"$/s.exec(raw);
  return match === null ? undefined : match[1].replaceAll('""', '"');
}
