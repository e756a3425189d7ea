package millrace.bench;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Answers SQL in Flink batch mode for the benchmark driver, one JSON object per line.
 *
 * <p>Argument: the parallelism. Input lines: {"ddl": sql} or {"query": sql}. Output lines: {"ready": true} once the
 * cluster runs and after each DDL, {"ms": wall time, "columns": [...], "rows": [[...]]} after each query, or
 * {"error": text}. The time of a query starts before its SQL is planned and ends when its last row has arrived; the
 * cluster and the JVM stay warm between queries. Rows are strings, so that no precision is lost on the way.
 */
public final class FlinkPeer {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws Exception {
    // Whatever a library prints must not end up between the protocol's lines.
    PrintStream protocol = System.out;
    System.setOut(System.err);
    try (MiniCluster cluster = startCluster(Integer.parseInt(arguments[0]))) {
      TableEnvironment tables = connect(cluster, Integer.parseInt(arguments[0]));
      protocol.println(JSON.createObjectNode().put("ready", true));
      BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        protocol.println(answer(tables, JSON.readTree(line)));
      }
    }
    // Threads of the cluster may outlive it.
    System.exit(0);
  }

  private static MiniCluster startCluster(int parallelism) throws Exception {
    Configuration settings = new Configuration();
    settings.setString("rest.port", "0");
    settings.setString("rest.bind-port", "0");
    settings.setString("taskmanager.memory.managed.size", "3g");
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

  private static TableEnvironment connect(MiniCluster cluster, int parallelism) throws Exception {
    Configuration settings = new Configuration();
    settings.setString("execution.target", "remote");
    settings.setString("rest.address", cluster.getRestAddress().get().getHost());
    settings.setString("rest.port", String.valueOf(cluster.getRestAddress().get().getPort()));
    settings.setString("parallelism.default", String.valueOf(parallelism));
    settings.setString("table.exec.resource.default-parallelism", String.valueOf(parallelism));
    settings.setString("execution.batch.adaptive.auto-parallelism.enabled", "false");
    // Flink's own advice for throughput; safe here since SQL operators do not keep their input objects.
    settings.setString("pipeline.object-reuse", "true");
    return TableEnvironment.create(
        EnvironmentSettings.newInstance().inBatchMode().withConfiguration(settings).build());
  }

  private static ObjectNode answer(TableEnvironment tables, JsonNode request) {
    try {
      if (request.has("ddl")) {
        tables.executeSql(request.get("ddl").asText());
        return JSON.createObjectNode().put("ready", true);
      }
      return query(tables, request.get("query").asText());
    } catch (Exception failure) {
      Throwable cause = failure;
      while (cause.getCause() != null) cause = cause.getCause();
      return JSON.createObjectNode().put("error", String.valueOf(cause));
    }
  }

  private static ObjectNode query(TableEnvironment tables, String sql) throws Exception {
    long start = System.nanoTime();
    TableResult result = tables.executeSql(sql);
    List<Row> rows = new ArrayList<>();
    try (CloseableIterator<Row> iterator = result.collect()) {
      iterator.forEachRemaining(rows::add);
    }
    double milliseconds = (System.nanoTime() - start) / 1e6;
    ObjectNode answer = JSON.createObjectNode().put("ms", milliseconds);
    ArrayNode columns = answer.putArray("columns");
    result.getResolvedSchema().getColumnNames().forEach(columns::add);
    ArrayNode cells = answer.putArray("rows");
    for (Row row : rows) {
      ArrayNode line = cells.addArray();
      for (int column = 0; column < row.getArity(); column++) {
        Object value = row.getField(column);
        line.add(value == null ? null : String.valueOf(value));
      }
    }
    return answer;
  }
}
