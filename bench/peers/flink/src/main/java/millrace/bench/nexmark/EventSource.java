package millrace.bench.nexmark;

import java.io.Serializable;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;

/**
 * The first events of the stream, in order, by one reader. It has no splits and takes no part in checkpoints, which
 * the benchmark does not take. Notes when the first event of a job is asked for: what comes before is job start.
 */
final class EventSource implements Source<RowData, EventSource.NoSplit, Void> {
  /** Of the last job that began to read. */
  static volatile Clock.Reading started;

  /** More events per call of the task's loop cost it less. */
  private static final int EVENTS_PER_POLL = 64;

  private final Configuration configuration;
  private final int[] columns;
  private final long events;

  EventSource(Configuration configuration, int[] columns, long events) {
    this.configuration = configuration;
    this.columns = columns;
    this.events = events;
  }

  static final class NoSplit implements SourceSplit, Serializable {
    @Override
    public String splitId() {
      return "none";
    }
  }

  @Override
  public Boundedness getBoundedness() {
    return Boundedness.BOUNDED;
  }

  @Override
  public SourceReader<RowData, NoSplit> createReader(SourceReaderContext context) {
    Events stream = new Events(configuration, columns);
    return new SourceReader<>() {
      private long position = 0;

      @Override
      public void start() {}

      @Override
      public InputStatus pollNext(ReaderOutput<RowData> output) {
        if (position == 0) started = Clock.read();
        long end = Math.min(position + EVENTS_PER_POLL, events);
        for (; position < end; position++) output.collect(stream.at(position));
        return position < events ? InputStatus.MORE_AVAILABLE : InputStatus.END_OF_INPUT;
      }

      @Override
      public List<NoSplit> snapshotState(long checkpoint) {
        return Collections.emptyList();
      }

      @Override
      public CompletableFuture<Void> isAvailable() {
        return CompletableFuture.completedFuture(null);
      }

      @Override
      public void addSplits(List<NoSplit> splits) {}

      @Override
      public void notifyNoMoreSplits() {}

      @Override
      public void close() {}
    };
  }

  @Override
  public SplitEnumerator<NoSplit, Void> createEnumerator(SplitEnumeratorContext<NoSplit> context) {
    return new SplitEnumerator<>() {
      @Override
      public void start() {}

      @Override
      public void handleSplitRequest(int subtask, String host) {}

      @Override
      public void addSplitsBack(List<NoSplit> splits, int subtask) {}

      @Override
      public void addReader(int subtask) {}

      @Override
      public Void snapshotState(long checkpoint) {
        return null;
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public SplitEnumerator<NoSplit, Void> restoreEnumerator(
      SplitEnumeratorContext<NoSplit> context, Void checkpoint) {
    return createEnumerator(context);
  }

  @Override
  public SimpleVersionedSerializer<NoSplit> getSplitSerializer() {
    return new Nothing<>(new NoSplit());
  }

  @Override
  public SimpleVersionedSerializer<Void> getEnumeratorCheckpointSerializer() {
    return new Nothing<>(null);
  }

  private static final class Nothing<T> implements SimpleVersionedSerializer<T> {
    private final T only;

    Nothing(T only) {
      this.only = only;
    }

    @Override
    public int getVersion() {
      return 1;
    }

    @Override
    public byte[] serialize(T value) {
      return new byte[0];
    }

    @Override
    public T deserialize(int version, byte[] bytes) {
      return only;
    }
  }
}
