package millrace.bench.nexmark;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/**
 * Runs Nexmark queries in Flink's streaming mode for the benchmark driver, one JSON object per line.
 *
 * <p>Arguments: the state backend (hashmap or rocksdb) and the parallelism. Input lines and their answers:
 *
 * <ul>
 *   <li>{"ddl": sql} gives {"ready": true};
 *   <li>{"run": sql} runs a query into a sink that drops its rows and gives {"ms", "cpuMs", "totalMs"}: from the first
 *       event to the end of the job, by the clock and in processor time of the process, and with planning and start;
 *   <li>{"answer": sql, "path": file} writes the rows that the query's changelog leaves to a file, each as often as
 *       it is in the answer, and gives {"rows": count};
 *   <li>{"hash": events, "configuration": json} gives the SHA-256 of the first events' text.
 * </ul>
 */
public final class NexmarkPeer {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final MiniCluster cluster;
  private final TableEnvironment tables;

  private NexmarkPeer(MiniCluster cluster, TableEnvironment tables) {
    this.cluster = cluster;
    this.tables = tables;
  }

  public static void main(String[] arguments) throws Exception {
    // Whatever a library prints must not end up between the protocol's lines.
    PrintStream protocol = System.out;
    System.setOut(System.err);
    int parallelism = Integer.parseInt(arguments[1]);
    try (MiniCluster cluster = startCluster(parallelism)) {
      NexmarkPeer peer = new NexmarkPeer(cluster, connect(cluster, arguments[0], parallelism));
      protocol.println(JSON.createObjectNode().put("ready", true));
      BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        protocol.println(peer.reply(JSON.readTree(line)));
      }
    }
    // Threads of the cluster may outlive it.
    System.exit(0);
  }

  private static MiniCluster startCluster(int parallelism) throws Exception {
    org.apache.flink.configuration.Configuration settings = new org.apache.flink.configuration.Configuration();
    settings.setString("rest.port", "0");
    settings.setString("rest.bind-port", "0");
    // RocksDB takes its caches from here; the heap backend leaves it alone.
    settings.setString("taskmanager.memory.managed.size", "1g");
    settings.setString("taskmanager.memory.network.min", "256m");
    settings.setString("taskmanager.memory.network.max", "256m");
    MiniCluster cluster =
        new MiniCluster(
            new MiniClusterConfiguration.Builder()
                .setConfiguration(settings)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(parallelism)
                .build());
    cluster.start();
    return cluster;
  }

  private static TableEnvironment connect(MiniCluster cluster, String backend, int parallelism) throws Exception {
    org.apache.flink.configuration.Configuration settings = new org.apache.flink.configuration.Configuration();
    settings.setString("execution.target", "remote");
    settings.setString("rest.address", cluster.getRestAddress().get().getHost());
    settings.setString("rest.port", String.valueOf(cluster.getRestAddress().get().getPort()));
    settings.setString("parallelism.default", String.valueOf(parallelism));
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("state.backend.type", backend);
    settings.setString("table.local-time-zone", "UTC");
    // The settings with which Flink's own Nexmark runs its queries.
    settings.setString("table.exec.mini-batch.enabled", "true");
    settings.setString("table.exec.mini-batch.allow-latency", "2s");
    settings.setString("table.exec.mini-batch.size", "50000");
    settings.setString("table.optimizer.distinct-agg.split.enabled", "true");
    TableEnvironment tables =
        TableEnvironment.create(
            EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings).build());
    tables.createTemporarySystemFunction("count_char", CountChar.class);
    return tables;
  }

  private ObjectNode reply(JsonNode request) {
    try {
      ObjectNode reply = JSON.createObjectNode();
      if (request.has("ddl")) {
        tables.executeSql(request.get("ddl").asText());
        return reply.put("ready", true);
      }
      if (request.has("run")) return run(request.get("run").asText(), reply);
      if (request.has("answer")) {
        return answer(request.get("answer").asText(), Path.of(request.get("path").asText()), reply);
      }
      return reply.put(
          "hash", hash(new Configuration(request.get("configuration").toString()), request.get("hash").asLong()));
    } catch (Exception failure) {
      Throwable cause = failure;
      while (cause.getCause() != null) cause = cause.getCause();
      return JSON.createObjectNode().put("error", String.valueOf(cause));
    }
  }

  private ObjectNode run(String sql, ObjectNode reply) throws Exception {
    // Garbage of the run before is not collected on this one's time.
    System.gc();
    Clock.Reading submitted = Clock.read();
    execute(sql, "blackhole");
    Clock.Reading ended = Clock.read();
    Clock.Reading started = EventSource.started;
    return reply
        .put("ms", (ended.nanoseconds() - started.nanoseconds()) / 1e6)
        .put("cpuMs", (ended.cpuNanoseconds() - started.cpuNanoseconds()) / 1e6)
        .put("totalMs", (ended.nanoseconds() - submitted.nanoseconds()) / 1e6);
  }

  private ObjectNode answer(String sql, Path path, ObjectNode reply) throws Exception {
    execute(sql, "answer");
    List<String> lines = new ArrayList<>();
    for (Map.Entry<String, Integer> row : AnswerTableFactory.rows.entrySet()) {
      if (row.getValue() < 0) throw new IllegalStateException("more retracted than added: " + row.getKey());
      for (int copy = 0; copy < row.getValue(); copy++) lines.add(row.getKey());
    }
    Files.write(path, lines);
    AnswerTableFactory.rows = Map.of();
    return reply.put("rows", lines.size());
  }

  /** Returns when the job has ended. The mini cluster is asked itself: its client would poll in growing intervals. */
  private void execute(String sql, String connector) throws Exception {
    Table query = tables.sqlQuery(sql);
    Schema.Builder columns = Schema.newBuilder();
    for (Column column : query.getResolvedSchema().getColumns()) {
      LogicalType type = column.getDataType().getLogicalType();
      // A time attribute becomes a plain timestamp.
      boolean isTime = type.is(LogicalTypeRoot.TIMESTAMP_WITHOUT_TIME_ZONE);
      columns.column(column.getName(), isTime ? DataTypes.TIMESTAMP(3) : column.getDataType());
    }
    TableDescriptor sink = TableDescriptor.forConnector(connector).schema(columns.build()).build();
    JobResult result =
        cluster.requestJobResult(query.executeInsert(sink).getJobClient().orElseThrow().getJobID()).get();
    if (!result.isSuccess()) throw new IllegalStateException("the job failed", result.getSerializedThrowable().get());
  }

  /** Every event's columns in their order, as text, one event per line; columns of other events are left out. */
  private static String hash(Configuration configuration, long events) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    Events stream = new Events(configuration, IntStream.range(0, Events.COLUMNS.size()).toArray());
    for (long position = 0; position < events; position++) {
      GenericRowData row = stream.at(position);
      StringBuilder line = new StringBuilder();
      for (int field = 0; field < row.getArity(); field++) {
        Object value = row.getField(field);
        if (value == null) continue;
        line.append(value instanceof TimestampData ? ((TimestampData) value).getMillisecond() : value).append('\t');
      }
      digest.update(line.append('\n').toString().getBytes(StandardCharsets.UTF_8));
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
