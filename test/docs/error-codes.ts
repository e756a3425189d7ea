import { parseSync } from "oxc-parser";
import { filesBelow, readText } from "../architecture/source-files.ts";

/** A stable code as the sources declare it. Parts of messages that depend on the case are "…". */
export interface ErrorCode {
  readonly code: string;
  readonly errorClass: string;
  readonly whatHappened: string;
  readonly whatToDo: string;
}

const CODE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/;
/** Of a file that may declare one; parsing the others would only take time. */
const HAS_CODE = /["`_][A-Z0-9]+["`]|codePrefix/;
const VARIABLE = "…";
/** Texts that look like codes and are none. */
const OTHER_NAMES = new Set([
  "FIRE_AND_PURGE",
  "OPTIMIZER_CHOOSES",
  "BROADCAST_HASH_FIRST",
  "BROADCAST_HASH_SECOND",
  "REPARTITION_HASH_FIRST",
  "REPARTITION_HASH_SECOND",
  "REPARTITION_SORT_MERGE",
]);
/** A line of text has no fields, quotes or header, though its reader is CSV's. */
const isPossible = (code: string): boolean =>
  !code.startsWith("TEXT_") || /_(UTF8_INVALID|ENCODING|COLUMNS)$/.test(code);

/** What happened, of codes whose message is put together elsewhere or differs by case. */
const MEANINGS: Readonly<Record<string, string>> = {
  AGGREGATE_PARAMETER: "A parameter of an aggregate is missing or out of range.",
  ARGUMENT_INVALID:
    "A method was given something of another kind than it takes, or an argument of an expression has to be a constant.",
  ARROW_CORRUPT: "Parts of an Arrow file contradict each other.",
  ARROW_NOT_ARROW: "A file is no Arrow IPC file or stream.",
  ARROW_TRUNCATED: "An Arrow file ends before its end.",
  ARROW_UNSUPPORTED: "An Arrow file uses something that Millrace does not read.",
  CHECKPOINT_CORRUPT: "A file of a checkpoint is missing, or is not what was written.",
  COMMAND_INVALID: "The command names no job module or several, or an option that does not exist or has no such value.",
  EVICTOR_INVALID: "An evictor lacks its methods, or has a number that it cannot have.",
  FAULT_CHECK_FAILED: "A faulted run of a job gave something else than one in which nothing fails.",
  FAULT_CHECK_NOT_DETERMINISTIC: "Two runs of a job in which nothing fails gave different results.",
  JOB_MODULE_FAILED: "A job module could not be compiled or imported, or its function threw.",
  JSON_INVALID: "A line is no JSON object.",
  JSON_NO_OBJECT: "A file has no JSON object in its first lines to find columns in: an array, or one very long line.",
  JSON_UTF8_INVALID: "A line is not UTF-8 text.",
  JSON_VALUE_INVALID: "A value of a line is not of its column's type.",
  LIMIT_INVALID: "A number of rows is no whole number, or less than can be asked for.",
  LITERAL_INVALID: "A value cannot be used as a literal, or is none of the given type.",
  OPTION_INVALID: "An option has a value that it cannot have.",
  PARQUET_CHECKSUM_MISMATCH: "The bytes of a page do not match its checksum.",
  PARQUET_FOOTER_CORRUPT: "The footer of a Parquet file is malformed, or contradicts itself or the file.",
  PARQUET_NOT_PARQUET: "A file is no Parquet file.",
  PARQUET_PAGE_CORRUPT: "A page of a Parquet file is malformed or contradicts its header.",
  PARQUET_SCHEMA_INVALID: "The schema of a Parquet file is malformed.",
  PARQUET_TYPE_UNWRITABLE: "A column has a type that Parquet cannot store.",
  PARQUET_UNSUPPORTED: "A Parquet file uses something that Millrace does not read.",
  PARQUET_UTF8_INVALID: "A string of a Parquet file is not UTF-8.",
  PARQUET_VALUE_RANGE: "A value of a Parquet file does not fit the type of its column.",
  PARTITION_INVALID: "partitionBy, or the number that a partition function gave, is wrong.",
  POSTGRES_ACCESS_DENIED: "The server refuses the user or the database, or the user has not the right to do something.",
  POSTGRES_CONFLICT: "The server ended a transaction because of others: a deadlock, or too few resources.",
  POSTGRES_CONSTRAINT: "A row breaks a constraint of the table: a unique one, a check, a foreign key.",
  POSTGRES_FAILED: "The server could not do something, for a reason that it tells.",
  POSTGRES_VALUE_INVALID: "A value is none that its column of the table can hold.",
  POSTGRES_COLUMNS:
    "The columns do not fit those of the table: one has no column of its name or another type, or one that may not be null is left out.",
  POSTGRES_UNAVAILABLE: "The PostgreSQL server cannot be reached, or the connection to it was lost.",
  PATH_INVALID: "A path is missing, or is none that can be read or written.",
  SORT_KEYS_EMPTY: "A step was given nothing to order by.",
  SPILL_WRITE_FAILED: "A spill file could not be written.",
  STATE_WRITE_FAILED: "State of a step in a file could not be written.",
  TARGET_EXISTS: "Where output should go there is a file, or a directory that is not empty.",
  TRIGGER_INVALID: "A trigger lacks its methods, or has a number that it cannot have.",
  TYPE_INVALID:
    "What was given as a type of a column, field or element is none, or has a parameter that it cannot have.",
  TYPE_MISMATCH: "An expression puts types together that do not fit.",
  WINDOW_ROWS_INVALID: "A count window has a number of rows that is not a whole number above 0.",
  WINDOW_SIZE_INVALID: "A window has a length that is not a whole number of milliseconds above 0.",
  WINDOW_SLIDE_INVALID: "A sliding window has a slide that is not a whole number of milliseconds above 0.",
  FUNCTION_INVALID: "Where a function is needed something else is given, or an async one where rows do not wait.",
  ROW_INVALID: "A row is given that is no object with the columns as properties.",
};
const REMEDIES: Readonly<Record<string, string>> = {
  AGGREGATE_PARAMETER: "Give the parameter that the message names.",
  ARGUMENT_INVALID: "Give what the message names.",
  JSON_NO_OBJECT: "Write one JSON object per line, or give a schema.",
  JSON_INVALID: 'Correct the line, or set badLines: "drop" to leave such lines out.',
  JSON_UTF8_INVALID: 'Convert the file to UTF-8, set invalidUtf8: "replace" or badLines: "drop".',
  JSON_VALUE_INVALID: 'Correct the line or the schema, or set badLines: "drop" to leave such lines out.',
  LITERAL_INVALID: "Give a value of that type, or leave the type away; col(name) is a column.",
  OPTION_INVALID: "Correct the option that the message names.",
  POSTGRES_VALUE_INVALID:
    "Convert the column with an expression, or change the type of the table's column. Nothing of it was committed.",
  PARTITION_INVALID: "Name each column once; a partition function gives a number from 0 to below the count.",
  PATH_INVALID: "Give the path of a local file or directory, a glob pattern or a file:// URL.",
  SPILL_WRITE_FAILED: "Check the disk and the permissions of the spill directory.",
  STATE_WRITE_FAILED: "Check the disk, and that nothing else touches the directory of the state backend.",
  TARGET_EXISTS: 'Choose another path, or set overwrite to "overwrite" or "append".',
  TYPE_INVALID: "Types are made with types, such as types.int64 or types.decimal(12, 2).",
  TYPE_MISMATCH: "The message names the types: cast one of them.",
  FUNCTION_INVALID: "Give a function, or an object that has it under the name in the message.",
  ROW_INVALID: "Give objects such as { name: value }.",
};

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

let codes: readonly ErrorCode[] | undefined;

/** Every error code of `src/`, sorted. */
export function errorCodes(): readonly ErrorCode[] {
  codes ??= readErrorCodes();
  return codes;
}

function readErrorCodes(): ErrorCode[] {
  const found = new Map<string, ErrorCode>();
  const programs = filesBelow("src", ".ts")
    .filter((path) => HAS_CODE.test(readText(path)))
    .map((path) => ({ path, program: parseSync(path, readText(path)).program as unknown as Node }));
  const prefixes = programs.flatMap(({ program }) => codePrefixes(program));
  const add = (entry: ErrorCode): void => {
    const known = found.get(entry.code);
    if (isPossible(entry.code) && (known === undefined || known.whatToDo === "")) found.set(entry.code, entry);
  };
  for (const { program } of programs) {
    visit(program, (node) => {
      for (const entry of [...constructed(node, prefixes), ...declared(node), ...tabled(node)]) add(entry);
    });
  }
  for (const { path, program } of programs) {
    visit(program, (node) => {
      const code = textOf(node);
      if (node.type !== "Literal" || !CODE.test(code) || found.has(code) || OTHER_NAMES.has(code)) return;
      // The class is made elsewhere: connectors report data, the rest of these the outside world.
      const errorClass = path.startsWith("src/connectors/") ? "DataError" : "ExternalError";
      add({ code, errorClass, whatHappened: "", whatToDo: "" });
    });
  }
  const remedies = new Map(programs.flatMap(({ program }) => [...remediesOf(program)]));
  return [...found.values()]
    .map((entry) => ({
      ...entry,
      whatHappened: MEANINGS[entry.code] ?? entry.whatHappened,
      whatToDo: REMEDIES[entry.code] ?? (entry.whatToDo === "" ? (remedies.get(entry.code) ?? "") : entry.whatToDo),
    }))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** Codes that are described here and exist no more. */
export const staleMeanings = (): string[] => {
  const codes = new Set(errorCodes().map(({ code }) => code));
  return Object.keys({ ...MEANINGS, ...REMEDIES }).filter((code) => !codes.has(code));
};

/** The table of docs/errors.md. */
export function errorTable(): string {
  const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("\n", " ");
  const rows = errorCodes().map(
    ({ code, errorClass, whatHappened, whatToDo }) =>
      `| \`${code}\` | ${errorClass} | ${cell([whatHappened, whatToDo].filter((part) => /[a-z]/.test(part)).join(" "))} |`,
  );
  return ["| code | class | message |", "| --- | --- | --- |", ...rows].join("\n");
}

function visit(node: unknown, see: (node: Node) => void): void {
  if (Array.isArray(node)) {
    for (const each of node) visit(each, see);
  } else if (typeof node === "object" && node !== null) {
    if (typeof (node as Partial<Node>).type === "string") see(node as Node);
    for (const value of Object.values(node)) if (typeof value === "object") visit(value, see);
  }
}

function textOf(given: unknown): string {
  const node = given as Node | undefined;
  switch (node?.type) {
    case "Literal":
      return typeof node.value === "string" ? node.value : VARIABLE;
    case "TemplateLiteral":
      return (node.quasis as { value: { cooked: string } }[]).map((part) => part.value.cooked).join(VARIABLE);
    case "ConditionalExpression":
      return textOf(node.alternate);
    case "BinaryExpression":
      return `${textOf(node.left)}${textOf(node.right)}`;
    default:
      return VARIABLE;
  }
}

/** `new PlanError("CODE", what happened, what to do)`; ExternalError has `retryable` after the code. */
function constructed(node: Node, prefixes: readonly string[]): ErrorCode[] {
  const errorClass = (node.callee as { name?: string } | undefined)?.name ?? "";
  if (node.type !== "NewExpression" || !/^(Plan|Data|Evaluation|External)Error$/.test(errorClass)) return [];
  const [first, ...rest] = node.arguments as Node[];
  const [whatHappened, whatToDo] = (errorClass === "ExternalError" ? rest.slice(1) : rest).map(textOf);
  const code = textOf(first);
  const codes = code.startsWith(`${VARIABLE}_`) ? prefixes.map((prefix) => prefix + code.slice(1)) : [code];
  return codes.filter((each) => CODE.test(each)).map((each) => ({ code: each, errorClass, whatHappened, whatToDo }));
}

/** A class with a code of its own: `readonly code = "CODE"`. */
function declared(node: Node): ErrorCode[] {
  if (node.type !== "ClassDeclaration" || (node.superClass as { name?: string } | null)?.name !== "EngineError")
    return [];
  const errorClass = (node.id as { name: string }).name;
  const members = (node.body as { body: Node[] }).body;
  const property = members.find((each) => (each.key as { name?: string } | undefined)?.name === "code");
  const code = property === undefined ? VARIABLE : textOf(property.value);
  if (code === VARIABLE) return [];
  let texts: string[] = [];
  visit(members, (each) => {
    const isSuper = each.type === "CallExpression" && (each.callee as Node).type === "Super";
    if (isSuper) texts = (each.arguments as Node[]).map(textOf);
  });
  return [{ code, errorClass, whatHappened: texts[0] ?? "", whatToDo: texts[1] ?? "" }];
}

/** An object with `code`, `reason` and `whatToDo`, as the file errors of the host have them. */
function tabled(node: Node): ErrorCode[] {
  if (node.type !== "ObjectExpression") return [];
  const texts = propertyTexts(node);
  const [code, reason, whatToDo] = [texts.get("code"), texts.get("reason"), texts.get("whatToDo")];
  if (code === undefined || reason === undefined || whatToDo === undefined) return [];
  return [{ code, errorClass: "ExternalError", whatHappened: `"…" could not be …: ${reason}.`, whatToDo }];
}

function propertyTexts(node: Node): ReadonlyMap<string, string> {
  const properties = (node.properties as Node[]).filter((property) => property.type === "Property");
  return new Map(
    properties.map((property) => {
      const key = property.key as { name?: string; value?: unknown };
      return [key.name ?? String(key.value), textOf(property.value)];
    }),
  );
}

/** Tables of what to do by code: `const REMEDIES = { CODE: "..." }`. */
function remediesOf(program: Node): ReadonlyMap<string, string> {
  const remedies = new Map<string, string>();
  visit(program, (node) => {
    if (node.type !== "ObjectExpression") return;
    for (const [name, text] of propertyTexts(node)) if (CODE.test(name) && text !== VARIABLE) remedies.set(name, text);
  });
  return remedies;
}

/** The values of `codePrefix`, which readers of several formats put in front of their codes. */
function codePrefixes(program: Node): string[] {
  const prefixes: string[] = [];
  visit(program, (node) => {
    const isPrefix = node.type === "Property" && (node.key as { name?: string }).name === "codePrefix";
    const text = isPrefix ? textOf(node.value) : VARIABLE;
    if (text !== VARIABLE) prefixes.push(text);
  });
  return prefixes;
}
