#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

/// How many times Ctrl-C was pressed since ``Interrupts/watch()``.
///
/// The signal handler may only touch a lock-free atomic, and a handler cannot carry a context.
private let interruptCount = Atomic<Int>(0)

/// Ctrl-C and closed pipes.
package enum Interrupts {
  /// From here on, the first Ctrl-C only sets ``requested`` and the second ends the process at
  /// once with status 130.
  package static func watch() {
    // Read once, so that the handler never meets the atomic's first, lazy initialization.
    interruptCount.store(0, ordering: .sequentiallyConsistent)
    signal(SIGINT) { _ in
      let earlier = interruptCount.add(1, ordering: .sequentiallyConsistent).oldValue
      if earlier > 0 {
        signal(SIGINT, SIG_DFL)
        _exit(130)
      }
    }
    // Whoever started this process may have left the signal blocked, as threads of pools do.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  /// Gives Ctrl-C its ordinary meaning back.
  package static func stopWatching() {
    signal(SIGINT, SIG_DFL)
    interruptCount.store(0, ordering: .sequentiallyConsistent)
  }

  /// Whether Ctrl-C was pressed; cheap enough to ask at every step.
  ///
  /// Never inlined: the optimizer, which sees no caller of the handler, must not conclude that
  /// the count stays what the caller last knew.
  @inline(never)
  package static var requested: Bool {
    interruptCount.load(ordering: .sequentiallyConsistent) > 0
  }

  /// Lets a write to a closed pipe fail with an error instead of ending the process silently.
  package static func ignoreBrokenPipes() {
    signal(SIGPIPE, SIG_IGN)
  }
}
