#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif
import Synchronization

// A signal handler cannot carry a context, and may only touch lock-free atomics.

/// How many times the process was asked to stop since ``Interrupts/watch()``.
private let interruptCount = Atomic<Int>(0)
/// The signal that asked first.
private let firstSignal = Atomic<Int32>(0)
/// Whether a signal is noted; otherwise it ends the process.
private let isNoted = Atomic<Bool>(false)

/// Requests to stop, by Ctrl-C (SIGINT), `kill` (SIGTERM) or a terminal that closes (SIGHUP); and closed
/// pipes.
package enum Interrupts {
  /// From here on a request ends the process at once with status 128 + the signal's number, and says
  /// that training had not begun.
  package static func endAtOnce() {
    isNoted.store(false, ordering: .sequentiallyConsistent)
    install()
  }

  /// From here on the first request only sets ``requested``, and the second ends the process at once
  /// with status 128 + the signal's number.
  package static func watch() {
    interruptCount.store(0, ordering: .sequentiallyConsistent)
    firstSignal.store(0, ordering: .sequentiallyConsistent)
    isNoted.store(true, ordering: .sequentiallyConsistent)
    install()
  }

  /// Gives the signals their ordinary meaning back.
  package static func stopWatching() {
    for number in watched where !isIgnored(number) { signal(number, SIG_DFL) }
    interruptCount.store(0, ordering: .sequentiallyConsistent)
  }

  /// Whether the process was asked to stop; cheap enough to ask at every step.
  ///
  /// Never inlined: the optimizer, which sees no caller of the handler, must not conclude that
  /// the count stays what the caller last knew.
  @inline(never)
  package static var requested: Bool {
    interruptCount.load(ordering: .sequentiallyConsistent) > 0
  }

  /// The status that a process ends with which was asked to stop: 130, 143 or 129.
  package static var status: Int32 {
    let number = firstSignal.load(ordering: .sequentiallyConsistent)
    return 128 + (number == 0 ? SIGINT : number)
  }

  /// Lets a write to a closed pipe, or beyond the process's limit of file sizes, fail with an error
  /// instead of ending the process silently.
  package static func letWritesFail() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  private static let watched = [SIGINT, SIGTERM, SIGHUP]

  private static func install() {
    var signals = sigset_t()
    sigemptyset(&signals)
    // What `nohup` and the like made this process ignore stays ignored. Not so Ctrl-C: shells let
    // whatever runs in the background ignore it, though `kill -INT` is meant for it.
    for number in watched where number == SIGINT || !isIgnored(number) {
      signal(number, handler)
      sigaddset(&signals, number)
    }
    // Whoever started this process may have left the signals blocked, as threads of pools do.
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  private static let handler: @convention(c) (Int32) -> Void = { number in
    guard isNoted.load(ordering: .sequentiallyConsistent) else {
      // Only what POSIX allows in handlers is done here.
      let text: StaticString = "stopped before training began; nothing is lost\n"
      _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
      _exit(128 + number)
    }
    guard interruptCount.add(1, ordering: .sequentiallyConsistent).oldValue == 0 else {
      _exit(128 + number)
    }
    firstSignal.store(number, ordering: .sequentiallyConsistent)
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    #if canImport(Darwin)
      let handler = action.__sigaction_u.__sa_handler
    #elseif canImport(Musl)
      let handler = action.__sa_handler.sa_handler
    #else
      let handler = action.__sigaction_handler.sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
