import * as types from "../../types.ts";
import type { BoundNode, Routine } from "../bound.ts";
import type { CallNode } from "../node.ts";
import { constantText } from "./constant.ts";
import type { FunctionDefinition, FunctionTable, TypeBinder } from "./definition.ts";
import { caseRoutine, requireText } from "./text.ts";

const STARTS_WITH = 0;
const ENDS_WITH = 1;
const CONTAINS = 2;

/** position, startsWith, endsWith, contains, like, ilike. */
export const textSearchFunctions: FunctionTable = {
  position: {
    arity: [2, 2],
    bind: (binder, node, args) =>
      binder.call(
        node,
        positionRoutine,
        types.int32,
        args.map((arg) => requireText(binder, node, arg)),
      ),
  },
  startsWith: test("startsWith", STARTS_WITH),
  endsWith: test("endsWith", ENDS_WITH),
  contains: test("contains", CONTAINS),
  like: {
    arity: [2, 2],
    bind(binder, node, [text, pattern]) {
      return bindLike(binder, node, requireText(binder, node, text), constantText(node, pattern, "pattern"));
    },
  },
  ilike: {
    arity: [2, 2],
    bind(binder, node, [text, pattern]) {
      const lowered = binder.call(node, caseRoutine("lower"), types.utf8, [requireText(binder, node, text)]);
      return bindLike(binder, node, lowered, constantText(node, pattern, "pattern").toLowerCase());
    },
  },
};

const positionRoutine: Routine = {
  key: "position",
  nulls: "strict",
  isFallible: false,
  isCostly: true,
  run(frame, [text, search]) {
    const data = frame.allocateValues(types.int32);
    frame.workspace.kernels.stringPosition(
      text.column.data,
      text.column.offsets,
      text.isSingle,
      search.column.data,
      search.column.offsets,
      search.isSingle,
      frame.rowCount,
      data.address,
    );
    return frame.strictColumn(types.int32, { data });
  },
};

function testRoutine(name: string, kind: number): Routine {
  return {
    key: name,
    nulls: "strict",
    isFallible: false,
    isCostly: true,
    run(frame, [text, other]) {
      const data = frame.allocateValues(types.bool);
      frame.workspace.kernels.stringTest(
        kind,
        text.column.data,
        text.column.offsets,
        text.isSingle,
        other.column.data,
        other.column.offsets,
        other.isSingle,
        frame.rowCount,
        data.address,
      );
      return frame.strictColumn(types.bool, { data });
    },
  };
}

function test(name: string, kind: number): FunctionDefinition {
  return {
    arity: [2, 2],
    bind: (binder, node, args) =>
      binder.call(
        node,
        testRoutine(name, kind),
        types.bool,
        args.map((arg) => requireText(binder, node, arg)),
      ),
  };
}

/** Bytes that valid UTF-8 never holds stand for % and _; see kernels/string.ts. */
const ANY_TEXT = 0xff;
const ANY_CODE_POINT = 0xfe;
const encoder = new TextEncoder();

function likeBytes(pattern: string): number[] {
  const bytes: number[] = [];
  const points = [...pattern];
  for (let i = 0; i < points.length; i++) {
    if (points[i] === "%") bytes.push(ANY_TEXT);
    else if (points[i] === "_") bytes.push(ANY_CODE_POINT);
    else bytes.push(...encoder.encode(points[i] === "\\" && i + 1 < points.length ? points[++i] : points[i]));
  }
  return bytes;
}

/** Patterns with % only at the ends are simpler tests. */
function bindLike(binder: TypeBinder, node: CallNode, text: BoundNode, pattern: string): BoundNode {
  const plain = /^(%?)([^%_\\]+)(%?)$/.exec(pattern);
  if (plain === null || (plain[1] === "" && plain[3] === "")) {
    return binder.call(node, likeRoutine(pattern), types.bool, [text]);
  }
  const [, before, search, after] = plain;
  const other = binder.literal({ kind: "literal", type: types.utf8, value: search });
  const routine =
    before === ""
      ? testRoutine("startsWith", STARTS_WITH)
      : after === ""
        ? testRoutine("endsWith", ENDS_WITH)
        : testRoutine("contains", CONTAINS);
  return binder.call(node, routine, types.bool, [text, other]);
}

function likeRoutine(pattern: string): Routine {
  const bytes = Uint8Array.from(likeBytes(pattern));
  return {
    key: `like:${JSON.stringify(pattern)}`,
    nulls: "strict",
    isFallible: false,
    isCostly: true,
    run(frame, [{ column }]) {
      const { workspace } = frame;
      const patternBlock = frame.allocate(bytes.length);
      workspace.u8.set(bytes, patternBlock.address);
      const data = frame.allocateValues(types.bool);
      workspace.kernels.stringLike(
        column.data,
        column.offsets,
        patternBlock.address,
        bytes.length,
        frame.rowCount,
        data.address,
      );
      return frame.strictColumn(types.bool, { data });
    },
  };
}
