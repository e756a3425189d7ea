import type { Column } from "../../core/column.ts";
import type { DataType } from "../../core/types.ts";
import type { Workspace } from "../../core/workspace.ts";
import { valuesOf, valueText } from "../files/value-text.ts";

/** The JSON text of each row of a column. */
export function columnJson(workspace: Workspace, column: Column): (row: number) => string {
  const read = valuesOf(workspace, column);
  const format = valueJson(column.type);
  return (row) => format(read(row));
}

/**
 * The JSON text of one value in the form of `ValueOf`, null included. Integers and decimals keep all their digits; NaN and
 * infinities become null, as JSON has none; dates and times are ISO 8601 texts, binary is base64; a map is an object where
 * its keys are texts, else a list of pairs.
 */
export function valueJson(type: DataType): (value: unknown) => string {
  const format = presentJson(type);
  return (value) => (value === null || value === undefined ? "null" : format(value));
}

function presentJson(type: DataType): (value: unknown) => string {
  switch (type.kind) {
    case "utf8":
      return (value) => JSON.stringify(value);
    case "float32":
    case "float64":
      // JSON.stringify writes -0 as 0, and some readers take -0 for an integer.
      return (value) => (Object.is(value, -0) ? "-0.0" : JSON.stringify(value));
    case "date":
    case "time":
    case "timestamp": {
      const format = valueText(type);
      return (value) => `"${format(value)}"`;
    }
    case "binary":
      return (value) => `"${Buffer.from(value as Uint8Array).toString("base64")}"`;
    case "interval":
      return (value) => {
        const { months, days, nanoseconds } = value as { months: number; days: number; nanoseconds: bigint };
        return `{"months":${months},"days":${days},"nanoseconds":${nanoseconds}}`;
      };
    case "list": {
      const format = valueJson(type.element);
      return (value) => `[${(value as unknown[]).map(format).join(",")}]`;
    }
    case "struct": {
      const fields = Object.entries(type.fields).map(
        ([name, field]) => [name, `${JSON.stringify(name)}:`, valueJson(field)] as const,
      );
      return (value) => {
        const object = value as Record<string, unknown>;
        return `{${fields.map(([name, label, format]) => label + format(object[name])).join(",")}}`;
      };
    }
    case "map": {
      const key = valueJson(type.key);
      const format = valueJson(type.value);
      const entries = (value: unknown) => value as [unknown, unknown][];
      if (type.key.kind === "utf8") {
        return (value) =>
          `{${entries(value)
            .map(([k, v]) => `${key(k)}:${format(v)}`)
            .join(",")}}`;
      }
      return (value) =>
        `[${entries(value)
          .map(([k, v]) => `[${key(k)},${format(v)}]`)
          .join(",")}]`;
    }
    default:
      return String;
  }
}
