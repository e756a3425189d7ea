package millrace.bench.nexmark;

import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.ScalarFunction;

/** count_char(text, c): how often an ASCII character stands in a text; works on the bytes, without decoding them. */
public final class CountChar extends ScalarFunction {
  public long eval(@DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text,
      @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData character) {
    BinaryStringData bytes = (BinaryStringData) text;
    bytes.ensureMaterialized();
    byte wanted = ((BinaryStringData) character).byteAt(0);
    long count = 0;
    for (int at = 0; at < bytes.getSizeInBytes(); at++) if (bytes.byteAt(at) == wanted) count++;
    return count;
  }
}
