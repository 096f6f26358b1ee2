#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much is read at most where nothing else bounds it: more would not leave the memory to work with
/// it, and a process that runs out of memory is ended without a word.
package enum InputLimit {
  /// The largest file, in bytes: half of the memory.
  package static let file = memory / 2
  /// The most that is read from a stream, whose size is not known before, in bytes: a quarter of the
  /// memory, because what holds it grows by doubling.
  package static let stream = memory / 4

  /// The memory that this process may use: that of the machine, or less where a limit of the process
  /// or of its control group says so.
  private static let memory: Int = {
    var least = Int.max
    let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
    if pages > 0 && size > 0 {
      let (bytes, overflow) = Int(pages).multipliedReportingOverflow(by: Int(size))
      if !overflow { least = bytes }
    }
    var limit = rlimit()
    if getrlimit(addressSpace, &limit) == 0, let bytes = Int(exactly: limit.rlim_cur) {
      least = min(least, bytes)
    }
    #if os(Linux)
      for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
        // A limit of its own: this is what the usual one is computed from.
        guard let bytes = try? Files.read(path, limit: 1 << 12) else { continue }
        let text = String(decoding: bytes, as: UTF8.self).prefix { $0.isNumber }
        if case .value(let number) = NumberParser.integer(text), number > 0 {
          least = min(least, Int(number))
        }
      }
    #endif
    return max(least, 1 << 24)
  }()

  #if canImport(Glibc)
    private static let addressSpace = __rlimit_resource_t(RLIMIT_AS.rawValue)
  #else
    private static let addressSpace = RLIMIT_AS
  #endif
}
