import type { Column } from "../../column.ts";
import { EvaluationError } from "../../errors.ts";
import type { Address } from "../../memory/allocator.ts";
import type { Block } from "../../memory/block.ts";
import * as types from "../../types.ts";
import { type DataType, isVariableLength } from "../../types.ts";
import type { BoundNode, Routine } from "../bound.ts";
import type { Frame } from "../frame.ts";
import type { CallNode } from "../node.ts";
import type { Operand } from "../operand.ts";
import { rowRoutine } from "./by-row.ts";
import { constantInteger, constantText } from "./constant.ts";
import type { FunctionDefinition, FunctionTable, TypeBinder } from "./definition.ts";

const TRIM_START = 1;
const TRIM_END = 2;
const TRIM_BOTH = 3;

/** Functions from text to text, and its lengths, through kernels over UTF-8; searching is in text-search.ts. */
export const textFunctions: FunctionTable = {
  upper: caseFunction("upper"),
  lower: caseFunction("lower"),
  trim: trim("trim", TRIM_BOTH),
  ltrim: trim("ltrim", TRIM_START),
  rtrim: trim("rtrim", TRIM_END),
  length: measure("length"),
  byteLength: measure("byteLength"),
  concat: {
    arity: [1, Number.POSITIVE_INFINITY],
    bind: (binder, node, args) =>
      binder.call(
        node,
        concatRoutine,
        types.utf8,
        args.map((arg) => requireText(binder, node, arg)),
      ),
  },
  substring: {
    arity: [2, 3],
    bind: (binder, node, [text, ...positions]) =>
      binder.call(node, substringRoutine, types.utf8, [
        requireText(binder, node, text),
        ...positions.map((position) => binder.coerce(position, types.int64, node)),
      ]),
  },
  left: edge("left", false),
  right: edge("right", true),
  replace: {
    arity: [3, 3],
    bind(binder, node, args) {
      const texts = args.map((arg) => requireText(binder, node, arg));
      const isConstant = texts[1].isConstant && texts[2].isConstant;
      return binder.call(node, isConstant ? replaceRoutine : replaceByRow, types.utf8, texts);
    },
  },
  splitPart: {
    arity: [3, 3],
    bind(binder, node, [text, separator, index]) {
      const texts = [requireText(binder, node, text), requireText(binder, node, separator)];
      if (texts[1].isConstant && index.kind === "literal" && index.type.kind === "int32") {
        return binder.call(node, splitRoutine(constantInteger(node, index, "index")), types.utf8, texts);
      }
      return binder.call(node, splitByRow, types.utf8, [...texts, binder.coerce(index, types.int32, node)]);
    },
  },
  lpad: pad("lpad"),
  rpad: pad("rpad"),
  reverse: textToText(reverseRoutine()),
};

export function requireText(binder: TypeBinder, node: CallNode, arg: BoundNode): BoundNode {
  if (arg.type.kind !== "utf8" && arg.type.kind !== "null") {
    throw binder.mismatch(node, [arg.type], "text; cast other types to utf8 first");
  }
  return binder.coerce(arg, types.utf8);
}

function textToText(routine: Routine): FunctionDefinition {
  return {
    arity: [1, 1],
    bind: (binder, node, [arg]) => binder.call(node, routine, types.utf8, [requireText(binder, node, arg)]),
  };
}

/** Bytes of a column's rows: where they start and how many they are. */
function extent(frame: Frame, { data, offsets, length }: Column): { from: Address; byteLength: number } {
  const { i32 } = frame.workspace;
  const first = i32[offsets >>> 2];
  return { from: data + first, byteLength: i32[(offsets >>> 2) + length] - first };
}

function caseFunction(name: "upper" | "lower"): FunctionDefinition {
  return textToText(caseRoutine(name));
}

export function caseRoutine(name: "upper" | "lower"): Routine {
  const byRow = rowRoutine(name, types.utf8, false, (text: string) =>
    name === "upper" ? text.toUpperCase() : text.toLowerCase(),
  );
  return {
    ...byRow,
    run(frame, args) {
      const { kernels } = frame.workspace;
      const [{ column }] = args;
      const { from, byteLength } = extent(frame, column);
      // Unicode may change lengths, and depends on context: JavaScript knows the rules.
      if (!kernels.stringIsAscii(from, byteLength)) return byRow.run(frame, args);
      const data = frame.allocate(byteLength);
      const offsets = frame.allocate((frame.rowCount + 1) * 4);
      kernels.stringAsciiCase(name === "upper", from, byteLength, data.address);
      kernels.rebaseOffsets(column.offsets, frame.rowCount, 0, offsets.address);
      return frame.strictColumn(types.utf8, { data, offsets });
    },
  };
}

/** Writes byte ranges of a text column's data into `starts` and `ends`, one per row. */
type WriteRanges = (frame: Frame, args: readonly Operand[], starts: Address, ends: Address) => void;

/** A routine whose result rows are parts of its first argument's rows. */
function partRoutine(key: string, write: WriteRanges): Routine {
  return {
    key,
    nulls: "strict",
    isFallible: false,
    isCostly: true,
    run(frame, args) {
      const { kernels } = frame.workspace;
      const { rowCount } = frame;
      const starts = frame.allocate(rowCount * 4);
      const ends = frame.allocate(rowCount * 4);
      write(frame, args, starts.address, ends.address);
      const offsets = frame.allocate((rowCount + 1) * 4);
      const total = kernels.stringRangeOffsets(starts.address, ends.address, rowCount, offsets.address);
      const data = allocateText(frame, total);
      kernels.stringCopyRanges(args[0].column.data, starts.address, ends.address, rowCount, data.address);
      return frame.strictColumn(types.utf8, { data, offsets });
    },
  };
}

/** @throws {EvaluationError} COLUMN_TOO_LONG past the reach of int32 offsets. */
function allocateText(frame: Frame, byteLength: number): Block {
  if (byteLength > 0x7fffffff) {
    throw new EvaluationError(
      "COLUMN_TOO_LONG",
      `${frame.text} makes ${byteLength} bytes of text in one batch, more than a batch can address.`,
      "Use a smaller batchRows.",
    );
  }
  return frame.allocate(byteLength + 16);
}

function trim(name: string, sides: number): FunctionDefinition {
  const routine = partRoutine(name, (frame, [text, characters], starts, ends) => {
    const set = extent(frame, characters.column);
    const { data, offsets } = text.column;
    const { kernels } = frame.workspace;
    kernels.stringTrim(data, offsets, frame.rowCount, set.from, set.byteLength, sides, starts, ends);
  });
  return {
    arity: [1, 2],
    bind(binder, node, [text, characters]) {
      const set = characters === undefined ? " " : constantText(node, characters, "set of characters");
      const literal = binder.literal({ kind: "literal", type: types.utf8, value: set });
      return binder.call(node, routine, types.utf8, [requireText(binder, node, text), literal]);
    },
  };
}

/** Text arguments of part routines that may be single while a position is not: their rows are spread. */
const substringRoutine = partRoutine("substring", (frame, [text, first, count], starts, ends) => {
  frame.workspace.kernels.stringSubstring(
    text.column.data,
    text.column.offsets,
    text.isSingle,
    first.column.data,
    first.isSingle,
    count?.column.data ?? 0,
    count?.isSingle ?? true,
    frame.rowCount,
    starts,
    ends,
  );
});

function edge(name: string, isAtEnd: boolean): FunctionDefinition {
  const routine = partRoutine(name, (frame, [text, count], starts, ends) => {
    frame.workspace.kernels.stringEdge(
      isAtEnd,
      text.column.data,
      text.column.offsets,
      text.isSingle,
      count.column.data,
      count.isSingle,
      frame.rowCount,
      starts,
      ends,
    );
  });
  return {
    arity: [2, 2],
    bind: (binder, node, [text, count]) =>
      binder.call(node, routine, types.utf8, [
        requireText(binder, node, text),
        binder.coerce(count, types.int64, node),
      ]),
  };
}

function splitRoutine(index: number): Routine {
  return partRoutine(`splitPart:${index}`, (frame, [text, separator], starts, ends) => {
    const by = extent(frame, separator.column);
    const { data, offsets } = text.column;
    const { kernels } = frame.workspace;
    kernels.stringSplitPart(data, offsets, frame.rowCount, by.from, by.byteLength, index, starts, ends);
  });
}

const splitByRow = rowRoutine("splitPart", types.utf8, false, (text: string, separator: string, index: number) => {
  const parts = separator === "" ? [text] : text.split(separator);
  return parts[index > 0 ? index - 1 : index < 0 ? parts.length + index : parts.length] ?? "";
});

function measure(name: "length" | "byteLength"): FunctionDefinition {
  const routine: Routine = {
    key: name,
    nulls: "strict",
    isFallible: false,
    run(frame, [{ column }]) {
      const { kernels } = frame.workspace;
      const data = frame.allocateValues(types.int32);
      const { from, byteLength } = extent(frame, column);
      if (name === "byteLength" || kernels.stringIsAscii(from, byteLength))
        kernels.stringByteLengths(column.offsets, frame.rowCount, data.address);
      else kernels.stringLengths(column.data, column.offsets, frame.rowCount, data.address);
      return frame.strictColumn(types.int32, { data });
    },
  };
  const accepts = (type: DataType) => (name === "length" ? type.kind === "utf8" : isVariableLength(type));
  return {
    arity: [1, 1],
    bind(binder, node, [arg]) {
      const value = arg.type.kind === "null" ? binder.coerce(arg, types.utf8) : arg;
      if (name === "length" && (value.type.kind === "list" || value.type.kind === "map")) {
        return binder.call(node, elementCount, types.int32, [value]);
      }
      if (!accepts(value.type)) throw binder.mismatch(node, [value.type], "text, a list or a map");
      return binder.call(node, routine, types.int32, [value]);
    },
  };
}

/** Elements of a list or map. */
const elementCount: Routine = {
  key: "elementCount",
  nulls: "strict",
  isFallible: false,
  run(frame, [{ column }]) {
    const data = frame.allocateValues(types.int32);
    frame.workspace.kernels.stringByteLengths(column.offsets, frame.rowCount, data.address);
    return frame.strictColumn(types.int32, { data });
  },
};

/** Null arguments count as empty text, so the result is never null. */
const concatRoutine: Routine = {
  key: "concat",
  nulls: "own",
  isFallible: false,
  isCostly: true,
  run(frame, args) {
    const { kernels } = frame.workspace;
    const { rowCount } = frame;
    const cursors = frame.allocate((rowCount + 1) * 4);
    kernels.fillBytes(cursors.address, 0, cursors.byteLength);
    const present = args.filter(({ column, isSingle }) => !isSingle || column.nullCount === 0);
    for (const { column, isSingle } of present) {
      kernels.stringAddLengths(column.offsets, isSingle, isSingle ? 0 : column.validity, rowCount, cursors.address);
    }
    const offsets = frame.allocate((rowCount + 1) * 4);
    const data = allocateText(frame, kernels.stringOffsetsOf(cursors.address, rowCount, offsets.address));
    kernels.copyBytes(cursors.address, offsets.address, rowCount * 4);
    for (const { column, isSingle } of present) {
      const validity = isSingle ? 0 : column.validity;
      kernels.stringAppend(column.data, column.offsets, isSingle, validity, rowCount, cursors.address, data.address);
    }
    return frame.column(types.utf8, { data, offsets });
  },
};

/** `search` and `replacement` are single. */
const replaceRoutine: Routine = {
  key: "replace",
  nulls: "strict",
  isFallible: false,
  isCostly: true,
  run(frame, [text, search, replacement]) {
    const { kernels } = frame.workspace;
    const { rowCount } = frame;
    const { data: source, offsets: sourceOffsets } = text.column;
    const from = extent(frame, search.column);
    const to = extent(frame, replacement.column);
    const replace = (lengths: Address, out: Address) =>
      kernels.stringReplace(
        source,
        sourceOffsets,
        rowCount,
        from.from,
        from.byteLength,
        to.from,
        to.byteLength,
        lengths,
        out,
      );
    const lengths = frame.allocate(rowCount * 4);
    replace(lengths.address, 0);
    const offsets = frame.allocate((rowCount + 1) * 4);
    const data = allocateText(frame, kernels.stringOffsetsOf(lengths.address, rowCount, offsets.address));
    replace(0, data.address);
    return frame.strictColumn(types.utf8, { data, offsets });
  },
};

const replaceByRow = rowRoutine("replace", types.utf8, false, (text: string, search: string, replacement: string) =>
  search === "" ? text : text.replaceAll(search, () => replacement),
);

function pad(name: "lpad" | "rpad"): FunctionDefinition {
  const routine = rowRoutine(name, types.utf8, false, (text: string, length: number, fill: string) => {
    const points = [...text];
    if (length <= points.length) return points.slice(0, Math.max(0, length)).join("");
    const fillPoints = [...fill];
    if (fillPoints.length === 0) return text;
    const missing = Array.from({ length: length - points.length }, (_, i) => fillPoints[i % fillPoints.length]).join(
      "",
    );
    return name === "lpad" ? missing + text : text + missing;
  });
  return {
    arity: [2, 3],
    bind(binder, node, [text, length, fill]) {
      const filling = fill ?? binder.literal({ kind: "literal", type: types.utf8, value: " " });
      return binder.call(node, routine, types.utf8, [
        requireText(binder, node, text),
        binder.coerce(length, types.int32, node),
        requireText(binder, node, filling),
      ]);
    },
  };
}

function reverseRoutine(): Routine {
  return {
    key: "reverse",
    nulls: "strict",
    isFallible: false,
    run(frame, [{ column }]) {
      const { kernels } = frame.workspace;
      const { byteLength } = extent(frame, column);
      const data = frame.allocate(byteLength);
      const offsets = frame.allocate((frame.rowCount + 1) * 4);
      kernels.stringReverse(column.data, column.offsets, frame.rowCount, data.address);
      kernels.rebaseOffsets(column.offsets, frame.rowCount, 0, offsets.address);
      return frame.strictColumn(types.utf8, { data, offsets });
    },
  };
}
