package millrace.bench.nexmark;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** Time on the clock and processor time of this process, of all its threads: the job's, the compiler's, the collector's. */
final class Clock {
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  record Reading(long nanoseconds, long cpuNanoseconds) {}

  static Reading read() {
    return new Reading(System.nanoTime(), SYSTEM.getProcessCpuTime());
  }

  private Clock() {}
}
