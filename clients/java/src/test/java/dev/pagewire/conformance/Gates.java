package dev.pagewire.conformance;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;

/** Named latches that handlers wait on until the driver releases them. */
final class Gates {
  /** Name of a gate on which handlers hang until they are cancelled. */
  static final String NEVER_RELEASED = "never released";

  private final Map<String, CountDownLatch> gates = new ConcurrentHashMap<>();

  void release(String name) {
    gate(name).countDown();
  }

  void waitFor(String name) throws InterruptedException {
    gate(name).await();
  }

  private CountDownLatch gate(String name) {
    return gates.computeIfAbsent(name, gate -> new CountDownLatch(1));
  }
}
