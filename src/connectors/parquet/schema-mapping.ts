import { Schema } from "../../core/schema.ts";
import {
  binary,
  bool,
  type DataType,
  date,
  decimal,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  interval,
  nullType,
  time,
  timestamp,
  uint8,
  uint16,
  uint32,
  uint64,
  utf8,
} from "../../core/types.ts";
import { type ParquetPlace, parquetError } from "./errors.ts";
import { ConvertedType, PhysicalType, Repetition, type SchemaElement } from "./format.ts";

/**
 * One node of the schema with its place among the levels of Dremel's encoding. A "slot" of a node is one place where it
 * may hold a value: an entry of the levels with repetition <= slotRepetition and definition >= slotDefinition.
 */
export interface SchemaNode {
  readonly kind: "leaf" | "struct" | "list" | "map";
  readonly name: string;
  readonly type: DataType;
  /** Repeated ancestors. */
  readonly slotRepetition: number;
  /** Definition level from which the nearest repeated ancestor has an element; 0 without one. */
  readonly slotDefinition: number;
  /** Definition level from which this node is not null; equal to slotDefinition where it cannot be null. */
  readonly definition: number;
  /** list and map: [element]; struct: one per field. */
  readonly children: readonly SchemaNode[];
  readonly leaf?: LeafSchema;
}

/** A primitive column as it is stored. */
export interface LeafSchema {
  /** Index of its column chunk in every row group. */
  readonly index: number;
  /** The top-level column that it belongs to. */
  readonly root: string;
  /** Dotted path for messages. */
  readonly path: string;
  readonly type: DataType;
  readonly physicalType: number;
  /** Bytes of a fixedLenByteArray value. */
  readonly typeLength: number;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  readonly slotDefinition: number;
  /** Bounds of this leaf are comparable by the order of `type`. */
  readonly hasKnownOrder: boolean;
}

export interface ParquetSchema {
  readonly schema: Schema;
  readonly roots: readonly SchemaNode[];
  readonly leaves: readonly LeafSchema[];
}

const MAXIMUM_DEPTH = 100;

/** Maps the schema of a file to engine types, and every leaf to its levels. */
export function mapSchema(elements: readonly SchemaElement[], place: ParquetPlace): ParquetSchema {
  return new SchemaMapper(elements, place).map();
}

interface Levels {
  readonly slotRepetition: number;
  readonly slotDefinition: number;
  readonly definition: number;
}

class SchemaMapper {
  readonly #elements: readonly SchemaElement[];
  readonly #place: ParquetPlace;
  readonly #leaves: LeafSchema[] = [];
  readonly #path: string[] = [];
  #next = 0;

  constructor(elements: readonly SchemaElement[], place: ParquetPlace) {
    this.#elements = elements;
    this.#place = place;
  }

  map(): ParquetSchema {
    const root = this.#take();
    const roots: SchemaNode[] = [];
    for (let i = 0; i < (root.childCount ?? 0); i++) {
      roots.push(this.#field({ slotRepetition: 0, slotDefinition: 0, definition: 0 }));
    }
    if (this.#next !== this.#elements.length) this.#invalid("the schema has elements outside its root");
    const names = new Set(roots.map((node) => node.name));
    if (names.size !== roots.length) this.#invalid("two columns have the same name");
    const schema = new Schema(roots.map(({ name, type }) => ({ name, type })));
    return { schema, roots, leaves: this.#leaves };
  }

  #take(): SchemaElement {
    if (this.#next >= this.#elements.length) this.#invalid("the schema ends inside a group");
    return this.#elements[this.#next++];
  }

  #invalid(what: string): never {
    const column = this.#path.length > 0 ? { column: this.#path.join(".") } : {};
    throw parquetError("PARQUET_SCHEMA_INVALID", { ...this.#place, ...column }, what);
  }

  /** A field with its own repetition. */
  #field(outer: Levels): SchemaNode {
    const element = this.#take();
    this.#path.push(element.name);
    if (this.#path.length > MAXIMUM_DEPTH) this.#invalid("the schema is nested too deeply");
    const node =
      element.repetition === Repetition.repeated
        ? this.#bareRepeated(element, outer)
        : this.#value(element, nested(outer, element.repetition));
    this.#path.pop();
    return node;
  }

  /** A repeated field outside LIST and MAP: a list that is never null, of elements that are never null. */
  #bareRepeated(element: SchemaElement, outer: Levels): SchemaNode {
    const child = this.#value(element, elementLevels(outer));
    return listNode(element.name, outer, child);
  }

  /** What an element holds, its own repetition aside: `levels.definition` is the level at which it is present. */
  #value(element: SchemaElement, levels: Levels): SchemaNode {
    const childCount = element.childCount ?? 0;
    if (childCount === 0) return this.#leaf(element, levels);
    if (element.type !== undefined) this.#invalid("a primitive column has children");
    if (childCount > this.#elements.length - this.#next) this.#invalid("a group has more children than the schema");
    if (element.logicalType?.kind === "list" || element.convertedType === ConvertedType.list) {
      const list = this.#list(element, levels);
      if (list !== undefined) return list;
    }
    if (
      element.logicalType?.kind === "map" ||
      element.convertedType === ConvertedType.map ||
      element.convertedType === ConvertedType.mapKeyValue
    ) {
      const map = this.#map(element, levels);
      if (map !== undefined) return map;
    }
    return this.#struct(element.name, childCount, levels);
  }

  /** A LIST group by the backward-compatibility rules of LogicalTypes.md; undefined where it is not one. */
  #list(group: SchemaElement, levels: Levels): SchemaNode | undefined {
    const repeated = this.#elements[this.#next];
    if (group.childCount !== 1 || repeated.repetition !== Repetition.repeated) return undefined;
    this.#take();
    this.#path.push(repeated.name);
    const inner = elementLevels(levels);
    const only = this.#elements[this.#next];
    const isElement =
      repeated.childCount !== 1 ||
      repeated.name === "array" ||
      repeated.name === `${group.name}_tuple` ||
      only?.repetition === Repetition.repeated;
    const child = isElement ? this.#value(repeated, inner) : this.#field(inner);
    this.#path.pop();
    return listNode(group.name, levels, child);
  }

  /** A MAP group; undefined where it is not one. */
  #map(group: SchemaElement, levels: Levels): SchemaNode | undefined {
    const repeated = this.#elements[this.#next];
    if (group.childCount !== 1 || repeated.repetition !== Repetition.repeated) return undefined;
    if (repeated.childCount !== 2) return undefined;
    this.#take();
    this.#path.push(repeated.name);
    const inner = elementLevels(levels);
    const key = this.#field(inner);
    const value = this.#field(inner);
    this.#path.pop();
    // Arrow's maps name the two fields "key" and "value" whatever the file calls them.
    const entry: SchemaNode = {
      kind: "struct",
      name: repeated.name,
      type: { kind: "struct", fields: { key: key.type, value: value.type } },
      ...inner,
      children: [key, value],
    };
    return {
      ...listNode(group.name, levels, entry),
      kind: "map",
      type: { kind: "map", key: key.type, value: value.type },
    };
  }

  #struct(name: string, childCount: number, levels: Levels): SchemaNode {
    const children: SchemaNode[] = [];
    for (let i = 0; i < childCount; i++) children.push(this.#field(levels));
    const fields = Object.fromEntries(children.map((child) => [child.name, child.type]));
    const names = Object.keys(fields);
    if (names.length !== children.length) this.#invalid("two fields of a group have the same name");
    // JavaScript moves names that look like integers to the front; children follow the order of the type.
    const ordered = names.map((field) => children.find((child) => child.name === field) as SchemaNode);
    return { kind: "struct", name, type: { kind: "struct", fields }, ...levels, children: ordered };
  }

  #leaf(element: SchemaElement, levels: Levels): SchemaNode {
    const physicalType = element.type;
    if (physicalType === undefined) this.#invalid("a column has neither a type nor children");
    if (physicalType < 0 || physicalType > PhysicalType.fixedLenByteArray)
      this.#invalid("a column has an unknown type");
    const typeLength = element.typeLength ?? 0;
    if (physicalType === PhysicalType.fixedLenByteArray && (typeLength <= 0 || typeLength > 1 << 24)) {
      this.#invalid(`a fixed-length column has the length ${typeLength}`);
    }
    if (levels.definition > 255 || levels.slotRepetition > 255) this.#invalid("the schema is nested too deeply");
    const { type, hasKnownOrder } = leafType(element, physicalType, typeLength);
    const leaf: LeafSchema = {
      index: this.#leaves.length,
      root: this.#path[0],
      path: this.#path.join("."),
      type,
      physicalType,
      typeLength,
      maxDefinition: levels.definition,
      maxRepetition: levels.slotRepetition,
      slotDefinition: levels.slotDefinition,
      hasKnownOrder,
    };
    this.#leaves.push(leaf);
    return { kind: "leaf", name: element.name, type, ...levels, children: [], leaf };
  }
}

const nested = (outer: Levels, repetition: number | undefined): Levels =>
  repetition === Repetition.optional ? { ...outer, definition: outer.definition + 1 } : outer;

/** Levels of the elements of a list that is present from `list.definition` on. */
const elementLevels = (list: Levels): Levels => ({
  slotRepetition: list.slotRepetition + 1,
  slotDefinition: list.definition + 1,
  definition: list.definition + 1,
});

const listNode = (name: string, levels: Levels, child: SchemaNode): SchemaNode => ({
  kind: "list",
  name,
  type: { kind: "list", element: child.type },
  ...levels,
  children: [child],
});

interface LeafType {
  type: DataType;
  hasKnownOrder: boolean;
}

const ordered = (type: DataType): LeafType => ({ type, hasKnownOrder: true });
const unordered = (type: DataType): LeafType => ({ type, hasKnownOrder: false });

/** The engine type of a primitive column. An annotation that does not fit the physical type is ignored. */
function leafType(element: SchemaElement, physicalType: number, typeLength: number): LeafType {
  const decimalType = decimalOf(element, physicalType, typeLength);
  if (decimalType !== undefined) return ordered(decimalType);
  const logical = element.logicalType;
  const converted = element.convertedType;
  if (logical?.kind === "unknown") return unordered(nullType);
  switch (physicalType) {
    case PhysicalType.boolean:
      return ordered(bool);
    case PhysicalType.int32:
      return ordered(int32Type(element));
    case PhysicalType.int64:
      return ordered(int64Type(element));
    case PhysicalType.int96:
      return unordered(timestamp("ns"));
    case PhysicalType.float:
      return ordered(float32);
    case PhysicalType.double:
      return ordered(float64);
    case PhysicalType.byteArray: {
      const isText =
        logical === undefined
          ? converted === ConvertedType.utf8 || converted === ConvertedType.enum || converted === ConvertedType.json
          : logical.kind === "string" || logical.kind === "enum" || logical.kind === "json";
      return logical?.kind === "other" ? unordered(binary) : ordered(isText ? utf8 : binary);
    }
    default:
      if (converted === ConvertedType.interval && typeLength === 12) return unordered(interval);
      if (logical?.kind === "float16" && typeLength === 2) return unordered(float32);
      return logical?.kind === "other" ? unordered(binary) : ordered(binary);
  }
}

function decimalOf(element: SchemaElement, physicalType: number, typeLength: number): DataType | undefined {
  const logical = element.logicalType;
  let precision: number;
  let scale: number;
  if (logical?.kind === "decimal") ({ precision, scale } = logical);
  else if (logical === undefined && element.convertedType === ConvertedType.decimal) {
    precision = element.precision ?? 0;
    scale = element.scale ?? 0;
  } else return undefined;
  if (precision < 1 || precision > 38 || scale < 0 || scale > precision) return undefined;
  const holds =
    physicalType === PhysicalType.int32 ||
    physicalType === PhysicalType.int64 ||
    physicalType === PhysicalType.byteArray ||
    (physicalType === PhysicalType.fixedLenByteArray && typeLength <= 16);
  return holds ? decimal(precision, scale) : undefined;
}

function int32Type({ logicalType, convertedType }: SchemaElement): DataType {
  if (logicalType?.kind === "integer") {
    const { bitWidth, isSigned } = logicalType;
    if (bitWidth === 8) return isSigned ? int8 : uint8;
    if (bitWidth === 16) return isSigned ? int16 : uint16;
    return isSigned ? int32 : uint32;
  }
  if (logicalType?.kind === "date") return date;
  if (logicalType?.kind === "time") return time("ms");
  if (logicalType !== undefined) return int32;
  switch (convertedType) {
    case ConvertedType.int8:
      return int8;
    case ConvertedType.int16:
      return int16;
    case ConvertedType.uint8:
      return uint8;
    case ConvertedType.uint16:
      return uint16;
    case ConvertedType.uint32:
      return uint32;
    case ConvertedType.date:
      return date;
    case ConvertedType.timeMillis:
      return time("ms");
    default:
      return int32;
  }
}

function int64Type({ logicalType, convertedType }: SchemaElement): DataType {
  if (logicalType?.kind === "integer") return logicalType.isSigned ? int64 : uint64;
  if (logicalType?.kind === "time") return logicalType.unit === "ms" ? int64 : time(logicalType.unit);
  if (logicalType?.kind === "timestamp") {
    return logicalType.isAdjustedToUtc ? timestamp(logicalType.unit, "UTC") : timestamp(logicalType.unit);
  }
  if (logicalType !== undefined) return int64;
  switch (convertedType) {
    case ConvertedType.uint64:
      return uint64;
    case ConvertedType.timeMicros:
      return time("us");
    case ConvertedType.timestampMillis:
      return timestamp("ms", "UTC");
    case ConvertedType.timestampMicros:
      return timestamp("us", "UTC");
    default:
      return int64;
  }
}
