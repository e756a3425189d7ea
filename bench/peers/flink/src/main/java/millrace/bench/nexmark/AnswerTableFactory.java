package millrace.bench.nexmark;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.types.RowKind;

/** The table connector 'answer': folds a changelog into the rows that are left in the end, written as text. */
public final class AnswerTableFactory implements DynamicTableSinkFactory {
  /** Rows of the last answer, and how often each is in it. One writer fills it, since jobs have
   * parallelism 1; it is read when the job has ended. */
  static Map<String, Integer> rows = new HashMap<>();

  static final String SEPARATOR = "\u001f";
  static final String NULL = "\\N";

  @Override
  public String factoryIdentifier() {
    return "answer";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return Set.of();
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of();
  }

  @Override
  public DynamicTableSink createDynamicTableSink(Context context) {
    return new AnswerTable(context.getPhysicalRowDataType().getLogicalType().getChildren());
  }

  private record AnswerTable(List<LogicalType> types) implements DynamicTableSink {
    @Override
    public ChangelogMode getChangelogMode(ChangelogMode requested) {
      return ChangelogMode.all();
    }

    @Override
    public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
      return SinkV2Provider.of(new AnswerSink(new ArrayList<>(types)));
    }

    @Override
    public DynamicTableSink copy() {
      return this;
    }

    @Override
    public String asSummaryString() {
      return "Answer";
    }
  }

  private static final class AnswerSink implements Sink<RowData> {
    private final ArrayList<LogicalType> types;

    AnswerSink(ArrayList<LogicalType> types) {
      this.types = types;
    }

    @Override
    public SinkWriter<RowData> createWriter(WriterInitContext context) {
      Map<String, Integer> folded = new HashMap<>();
      rows = folded;
      return new SinkWriter<>() {
        @Override
        public void write(RowData row, Context context) {
          boolean adds = row.getRowKind() == RowKind.INSERT || row.getRowKind() == RowKind.UPDATE_AFTER;
          folded.merge(textOf(row, types), adds ? 1 : -1, (a, b) -> a + b == 0 ? null : a + b);
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {}
      };
    }
  }

  /** Numbers in decimal, timestamps as epoch milliseconds; the benchmark's DuckDB writes the same. */
  static String textOf(RowData row, List<LogicalType> types) {
    StringBuilder text = new StringBuilder();
    for (int field = 0; field < types.size(); field++) {
      if (field > 0) text.append(SEPARATOR);
      if (row.isNullAt(field)) text.append(NULL);
      else text.append(cellOf(row, field, types.get(field)));
    }
    return text.toString();
  }

  private static Object cellOf(RowData row, int field, LogicalType type) {
    switch (type.getTypeRoot()) {
      case BIGINT:
        return row.getLong(field);
      case INTEGER:
        return row.getInt(field);
      case CHAR:
      case VARCHAR:
        return row.getString(field);
      case TIMESTAMP_WITHOUT_TIME_ZONE:
      case TIMESTAMP_WITH_LOCAL_TIME_ZONE:
        return row.getTimestamp(field, 3).getMillisecond();
      case DECIMAL:
        DecimalType decimal = (DecimalType) type;
        return row.getDecimal(field, decimal.getPrecision(), decimal.getScale()).toBigDecimal().toPlainString();
      default:
        throw new IllegalArgumentException("no text for " + type);
    }
  }
}
