package dev.pagewire.conformance;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;

/** What rules wait for until the driver releases it. */
final class Gates {
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
