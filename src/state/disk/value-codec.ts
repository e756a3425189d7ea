import { byteWidth, type DataType } from "../../core/types.ts";
import type { ByteSink, ByteSource } from "./bytes.ts";

/** Writes stored values of one type, null included, and reads them back. */
export interface ValueCodec {
  write(sink: ByteSink, value: unknown): void;
  read(source: ByteSource): unknown;
}

const ABSENT = 0;
const PRESENT = 1;

export function valueCodec(type: DataType): ValueCodec {
  return nullable(type, float64);
}

/** The same for keys: values that are the same key have the same bytes, and so hash alike. */
export function keyCodec(type: DataType): ValueCodec {
  return nullable(type, canonicalFloat64);
}

function nullable(type: DataType, floats: ValueCodec): ValueCodec {
  const codec = presentCodec(type, floats);
  return {
    write(sink, value) {
      if (value === null || value === undefined) {
        sink.uint8(ABSENT);
        return;
      }
      sink.uint8(PRESENT);
      codec.write(sink, value);
    },
    read: (source) => (source.uint8() === ABSENT ? null : codec.read(source)),
  };
}

const float64: ValueCodec = {
  write: (sink, value) => sink.float64(value as number),
  read: (source) => source.float64(),
};

/** Both zeros are written as 0, and NaN of whatever bits as one. */
const canonicalFloat64: ValueCodec = {
  write(sink, value) {
    const number = value as number;
    if (!Number.isNaN(number)) sink.float64(number === 0 ? 0 : number);
    else {
      sink.uint32(0);
      sink.uint32(0x7ff80000);
    }
  },
  read: (source) => source.float64(),
};

const int32: ValueCodec = {
  write: (sink, value) => sink.int32(value as number),
  read: (source) => source.int32(),
};

const uint32: ValueCodec = {
  write: (sink, value) => sink.uint32(value as number),
  read: (source) => source.uint32(),
};

const int64: ValueCodec = {
  write: (sink, value) => sink.int64(value as bigint),
  read: (source) => source.int64(),
};

const uint64: ValueCodec = {
  write: (sink, value) => sink.int64(value as bigint),
  read: (source) => source.uint64(),
};

const text: ValueCodec = {
  write: (sink, value) => sink.text(value as string),
  read: (source) => source.text(),
};

const bool: ValueCodec = {
  write: (sink, value) => sink.uint8(value === true ? 1 : 0),
  read: (source) => source.uint8() === 1,
};

const binary: ValueCodec = {
  write(sink, value) {
    sink.uint32((value as Uint8Array).length);
    sink.raw(value as Uint8Array);
  },
  read: (source) => source.raw(source.uint32()),
};

const interval: ValueCodec = {
  write(sink, value) {
    const { months, days, nanoseconds } = value as { months: number; days: number; nanoseconds: bigint };
    sink.int32(months);
    sink.int32(days);
    sink.int64(nanoseconds);
  },
  read: (source) => ({ months: source.int32(), days: source.int32(), nanoseconds: source.int64() }),
};

/** Of values that are not null. */
function presentCodec(type: DataType, floats: ValueCodec): ValueCodec {
  switch (type.kind) {
    case "bool":
      return bool;
    case "int8":
    case "int16":
    case "int32":
    case "uint8":
    case "uint16":
    case "date":
      return int32;
    case "uint32":
      return uint32;
    case "int64":
      return int64;
    case "uint64":
      return uint64;
    case "float32":
    case "float64":
    case "null":
      return floats;
    case "utf8":
    case "decimal":
      return text;
    case "binary":
      return binary;
    case "time":
      return byteWidth(type) === 8 ? int64 : int32;
    case "timestamp":
      return type.unit === "s" || type.unit === "ms" ? float64 : int64;
    case "interval":
      return interval;
    case "list":
      return listCodec(type.element, floats);
    case "map":
      return pairsCodec(type.key, type.value, floats);
    case "struct":
      return structCodec(type.fields, floats);
  }
}

function listCodec(element: DataType, floats: ValueCodec): ValueCodec {
  const codec = nullable(element, floats);
  return {
    write(sink, value) {
      const elements = value as readonly unknown[];
      sink.count(elements.length);
      for (const each of elements) codec.write(sink, each);
    },
    read(source) {
      const elements: unknown[] = [];
      for (let left = source.count(); left > 0; left--) elements.push(codec.read(source));
      return elements;
    },
  };
}

function pairsCodec(keyType: DataType, valueType: DataType, floats: ValueCodec): ValueCodec {
  const keys = nullable(keyType, floats);
  const values = nullable(valueType, floats);
  return {
    write(sink, value) {
      const pairs = value as readonly (readonly [unknown, unknown])[];
      sink.count(pairs.length);
      for (const [key, each] of pairs) {
        keys.write(sink, key);
        values.write(sink, each);
      }
    },
    read(source) {
      const pairs: [unknown, unknown][] = [];
      for (let left = source.count(); left > 0; left--) pairs.push([keys.read(source), values.read(source)]);
      return pairs;
    },
  };
}

function structCodec(fields: Readonly<Record<string, DataType>>, floats: ValueCodec): ValueCodec {
  const names = Object.keys(fields);
  const codecs = names.map((name) => nullable(fields[name], floats));
  return {
    write(sink, value) {
      const properties = value as Readonly<Record<string, unknown>>;
      for (let i = 0; i < names.length; i++) codecs[i].write(sink, properties[names[i]]);
    },
    read(source) {
      const properties: Record<string, unknown> = {};
      for (let i = 0; i < names.length; i++) {
        const value = codecs[i].read(source);
        if (names[i] !== "__proto__") properties[names[i]] = value;
        else
          Object.defineProperty(properties, names[i], { value, enumerable: true, writable: true, configurable: true });
      }
      return properties;
    },
  };
}
