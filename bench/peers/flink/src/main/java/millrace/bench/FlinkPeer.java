package millrace.bench;
public final class FlinkPeer { public static void main(String[] a) {} }
