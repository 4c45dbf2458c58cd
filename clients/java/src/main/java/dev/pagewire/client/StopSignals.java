package dev.pagewire.client;

import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Stops plugins on SIGINT and SIGTERM. The JVM's own handling of these signals starts its shutdown,
 * which only calls shutdown hooks: {@code run} could not return, nor {@code main} end normally.
 * {@code sun.misc.Signal}, in the module {@code jdk.unsupported} that every JDK has for this
 * purpose, replaces that handling. It is called by reflection, because the compiler warns of it
 * without a way to suppress the warning, and because a program may run without the module.
 */
final class StopSignals {
  private static final List<String> NAMES = List.of("INT", "TERM");

  /** The plugins to stop. Changed under the lock of this class, as is the field below. */
  private static final List<Runnable> STOPS = new CopyOnWriteArrayList<>();

  /** The previous handler of each signal; empty while no signal is handled. */
  private static final Map<Object, Object> REPLACED = new HashMap<>();

  private StopSignals() {}

  /** Runs a plugin, which the first signal stops; a second one has its previous effect. */
  static void handledDuring(Runnable run, Runnable stop) {
    add(stop);
    try {
      run.run();
    } finally {
      remove(stop);
    }
  }

  private static synchronized void add(Runnable stop) {
    STOPS.add(stop);
    if (REPLACED.isEmpty()) {
      NAMES.forEach(StopSignals::replaceHandler);
    }
  }

  private static synchronized void remove(Runnable stop) {
    STOPS.remove(stop);
    if (STOPS.isEmpty()) {
      restoreHandlers();
    }
  }

  private static void onSignal() {
    restoreHandlers();
    STOPS.forEach(Runnable::run);
  }

  private static void replaceHandler(String name) {
    try {
      Object signal = signalClass().getConstructor(String.class).newInstance(name);
      Object handler =
          Proxy.newProxyInstance(
              StopSignals.class.getClassLoader(),
              new Class<?>[] {handlerClass()},
              (proxy, method, arguments) -> {
                onSignal();
                return null;
              });
      REPLACED.put(signal, handle(signal, handler));
    } catch (ReflectiveOperationException unavailable) {
      // The runtime lacks the module, or leaves the signal to the system (-Xrs): the signal keeps
      // its effect.
    }
  }

  private static synchronized void restoreHandlers() {
    for (Map.Entry<Object, Object> replaced : REPLACED.entrySet()) {
      try {
        handle(replaced.getKey(), replaced.getValue());
      } catch (ReflectiveOperationException never) {
        throw new IllegalStateException(never);
      }
    }
    REPLACED.clear();
  }

  /** Sets the handler of a signal, and returns the previous one. */
  private static Object handle(Object signal, Object handler) throws ReflectiveOperationException {
    return signalClass()
        .getMethod("handle", signalClass(), handlerClass())
        .invoke(null, signal, handler);
  }

  private static Class<?> signalClass() throws ClassNotFoundException {
    return Class.forName("sun.misc.Signal");
  }

  private static Class<?> handlerClass() throws ClassNotFoundException {
    return Class.forName("sun.misc.SignalHandler");
  }
}
