import type { Schema } from "../../core/schema.ts";
import type { DataType, TimeUnit } from "../../core/types.ts";
import type { WrittenSchemaElement } from "./container.ts";
import { ConvertedType, type LogicalType, PhysicalType, Repetition } from "./format.ts";

/** A node of the schema to write, parallel to the columns of a batch. */
export interface WriteNode {
  readonly type: DataType;
  readonly isNullable: boolean;
  readonly children: readonly WriteNode[];
  readonly leaf?: WriteLeaf;
}

/** A primitive column to write. */
export interface WriteLeaf {
  readonly index: number;
  readonly type: DataType;
  readonly path: readonly string[];
  readonly physicalType: number;
  readonly typeLength: number;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
}

export interface WriteSchema {
  readonly elements: readonly WrittenSchemaElement[];
  readonly roots: readonly WriteNode[];
  readonly leaves: readonly WriteLeaf[];
}

/** Maps engine types to Parquet's; all columns are optional, lists and maps have the standard three levels. */
export function writeSchema(schema: Schema): WriteSchema {
  const mapper = new Mapper();
  mapper.elements.push({ name: "schema", childCount: schema.fields.length });
  const roots = schema.fields.map(({ name, type }) => mapper.field(name, type, true, [], 0, 0));
  return { elements: mapper.elements, roots, leaves: mapper.leaves };
}

class Mapper {
  readonly elements: WrittenSchemaElement[] = [];
  readonly leaves: WriteLeaf[] = [];

  field(
    name: string,
    type: DataType,
    isNullable: boolean,
    outerPath: readonly string[],
    outerDefinition: number,
    repetition: number,
  ): WriteNode {
    const path = [...outerPath, name];
    const definition = outerDefinition + Number(isNullable);
    const repetitionType = isNullable ? Repetition.optional : Repetition.required;
    const group = (childCount: number, logicalType?: LogicalType, convertedType?: number): void => {
      this.elements.push({
        name,
        repetition: repetitionType,
        childCount,
        ...(logicalType === undefined ? {} : { logicalType }),
        ...(convertedType === undefined ? {} : { convertedType }),
      });
    };
    const repeated = (repeatedName: string, childCount: number): readonly string[] => {
      this.elements.push({ name: repeatedName, repetition: Repetition.repeated, childCount });
      return [...path, repeatedName];
    };
    switch (type.kind) {
      case "list": {
        group(1, { kind: "list" }, ConvertedType.list);
        const inner = repeated("list", 1);
        const element = this.field("element", type.element, true, inner, definition + 1, repetition + 1);
        return { type, isNullable, children: [element] };
      }
      case "map": {
        group(1, { kind: "map" }, ConvertedType.map);
        const inner = repeated("key_value", 2);
        const key = this.field("key", type.key, false, inner, definition + 1, repetition + 1);
        const value = this.field("value", type.value, true, inner, definition + 1, repetition + 1);
        const entryType: DataType = { kind: "struct", fields: { key: type.key, value: type.value } };
        return { type, isNullable, children: [{ type: entryType, isNullable: false, children: [key, value] }] };
      }
      case "struct": {
        const fields = Object.entries(type.fields);
        group(fields.length);
        const children = fields.map(([field, fieldType]) =>
          this.field(field, fieldType, true, path, definition, repetition),
        );
        return { type, isNullable, children };
      }
      default: {
        const stored = storedType(type);
        this.elements.push({ name, repetition: repetitionType, ...stored });
        const leaf: WriteLeaf = {
          index: this.leaves.length,
          type,
          path,
          physicalType: stored.type,
          typeLength: stored.typeLength ?? 0,
          maxDefinition: definition,
          maxRepetition: repetition,
        };
        this.leaves.push(leaf);
        return { type, isNullable, children: [], leaf };
      }
    }
  }
}

interface StoredType {
  readonly type: number;
  readonly typeLength?: number;
  readonly logicalType?: LogicalType;
  readonly convertedType?: number;
}

const INTEGER_CONVERTED: Record<string, number> = {
  int8: ConvertedType.int8,
  int16: ConvertedType.int16,
  int32: ConvertedType.int32,
  int64: ConvertedType.int64,
  uint8: ConvertedType.uint8,
  uint16: ConvertedType.uint16,
  uint32: ConvertedType.uint32,
  uint64: ConvertedType.uint64,
};

/** Seconds are stored as milliseconds: the format has no seconds. */
const storedUnit = (unit: TimeUnit): "ms" | "us" | "ns" => (unit === "s" ? "ms" : unit);

function storedType(type: DataType): StoredType {
  const integer = INTEGER_CONVERTED[type.kind];
  if (integer !== undefined) {
    const bitWidth = Number(type.kind.replace(/\D+/, ""));
    const logicalType: LogicalType = { kind: "integer", bitWidth, isSigned: !type.kind.startsWith("u") };
    return { type: bitWidth === 64 ? PhysicalType.int64 : PhysicalType.int32, logicalType, convertedType: integer };
  }
  switch (type.kind) {
    case "bool":
      return { type: PhysicalType.boolean };
    case "float32":
      return { type: PhysicalType.float };
    case "float64":
      return { type: PhysicalType.double };
    case "utf8":
      return { type: PhysicalType.byteArray, logicalType: { kind: "string" }, convertedType: ConvertedType.utf8 };
    case "date":
      return { type: PhysicalType.int32, logicalType: { kind: "date" }, convertedType: ConvertedType.date };
    case "decimal": {
      const { precision, scale } = type;
      const logicalType: LogicalType = { kind: "decimal", precision, scale };
      const convertedType = ConvertedType.decimal;
      if (precision <= 9) return { type: PhysicalType.int32, logicalType, convertedType };
      if (precision <= 18) return { type: PhysicalType.int64, logicalType, convertedType };
      return { type: PhysicalType.fixedLenByteArray, typeLength: 16, logicalType, convertedType };
    }
    case "time": {
      const unit = storedUnit(type.unit);
      // A wall-clock time, as the engine's times are; converted types cannot say so and are left out.
      const logicalType: LogicalType = { kind: "time", isAdjustedToUtc: false, unit };
      return { type: unit === "ms" ? PhysicalType.int32 : PhysicalType.int64, logicalType };
    }
    case "timestamp": {
      const unit = storedUnit(type.unit);
      const isAdjustedToUtc = type.timezone !== undefined;
      const logicalType: LogicalType = { kind: "timestamp", isAdjustedToUtc, unit };
      const converted = unit === "ms" ? ConvertedType.timestampMillis : ConvertedType.timestampMicros;
      const hasConverted = isAdjustedToUtc && unit !== "ns";
      return { type: PhysicalType.int64, logicalType, ...(hasConverted ? { convertedType: converted } : {}) };
    }
    case "interval":
      return { type: PhysicalType.fixedLenByteArray, typeLength: 12, convertedType: ConvertedType.interval };
    case "null":
      return { type: PhysicalType.int32, logicalType: { kind: "unknown" } };
    default:
      return { type: PhysicalType.byteArray };
  }
}
