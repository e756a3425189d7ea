import type { Field, Schema } from "../../core/schema.ts";
import type { SourceFactory } from "../../core/source.ts";
import type { MonitoredFormat, MonitoredReader } from "./file-monitor-source.ts";

type Layout = (fields: readonly Field[]) => Readonly<Record<string, unknown>>;

/** How each format says what its files look like; columns from the names of directories need a file to be there. */
const LAYOUTS: Readonly<Record<MonitoredFormat, Layout>> = {
  arrow: (fileFields) => ({ fileFields, partitionFields: [] }),
  csv: (fileFields) => ({ layout: { fileFields, partitionFields: [] } }),
  json: (fileFields) => ({ fileFields, partitionFields: [] }),
  parquet: (fileFields) => ({ layout: { fileFields, partitionFields: [] } }),
  text: () => ({ partitionFields: [] }),
};

export const monitoredReader = (format: MonitoredFormat, source: SourceFactory): MonitoredReader => ({
  source,
  emptyLayout: ({ schema }) => {
    if (format === "text") return LAYOUTS.text([]);
    if (schema === undefined) return undefined;
    return LAYOUTS[format]((schema as Schema).fields ?? (schema as readonly Field[]));
  },
});
