package millrace.bench.nexmark;

import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.connector.source.abilities.SupportsProjectionPushDown;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/** The table connector 'nexmark': the first 'events' events of a 'configuration' in JSON, any columns of them. */
public final class EventTableFactory implements DynamicTableSourceFactory {
  private static final ConfigOption<Long> EVENTS = ConfigOptions.key("events").longType().noDefaultValue();
  private static final ConfigOption<String> CONFIGURATION =
      ConfigOptions.key("configuration").stringType().noDefaultValue();

  @Override
  public String factoryIdentifier() {
    return "nexmark";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return Set.of(EVENTS, CONFIGURATION);
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of();
  }

  @Override
  public DynamicTableSource createDynamicTableSource(Context context) {
    FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
    helper.validate();
    return new EventTable(
        new Configuration(helper.getOptions().get(CONFIGURATION)),
        helper.getOptions().get(EVENTS),
        context.getPhysicalRowDataType());
  }

  private static final class EventTable implements ScanTableSource, SupportsProjectionPushDown {
    private final Configuration configuration;
    private final long events;
    private DataType produced;

    EventTable(Configuration configuration, long events, DataType produced) {
      this.configuration = configuration;
      this.events = events;
      this.produced = produced;
    }

    @Override
    public ChangelogMode getChangelogMode() {
      return ChangelogMode.insertOnly();
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
      int[] columns =
          ((RowType) produced.getLogicalType()).getFieldNames().stream().mapToInt(Events.COLUMNS::indexOf).toArray();
      return SourceProvider.of(new EventSource(configuration, columns, events), 1);
    }

    @Override
    public boolean supportsNestedProjection() {
      return false;
    }

    @Override
    public void applyProjection(int[][] fields, DataType type) {
      produced = type;
    }

    @Override
    public DynamicTableSource copy() {
      return new EventTable(configuration, events, produced);
    }

    @Override
    public String asSummaryString() {
      return "Nexmark";
    }
  }
}
