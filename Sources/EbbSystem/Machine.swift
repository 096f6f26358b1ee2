#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What this process can know about its machine and itself.
package enum Machine {
  /// Seconds on a clock that never goes backwards; only differences mean anything.
  package static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The most memory this process has had in use at once, in bytes; 0 when unknown.
  package static func peakMemory() -> Int {
    var usage = rusage()
    guard getrusage(Self.ownUsage, &usage) == 0 else { return 0 }
    #if canImport(Darwin)
      return Int(usage.ru_maxrss)
    #else
      return Int(usage.ru_maxrss) * 1024
    #endif
  }

  /// The value of an environment variable, or `nil` when it is not set.
  package static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  #if canImport(Glibc)
    private static let ownUsage = Int32(RUSAGE_SELF.rawValue)
  #else
    private static let ownUsage = RUSAGE_SELF
  #endif

  /// How many processor cores this process may use, at least 1.
  ///
  /// On Linux the affinity mask counts, not the number of cores in the machine. It is read from
  /// the kernel's file because the C header shows `sched_getaffinity` to GNU programs only.
  package static func usableCores() -> Int {
    #if os(Linux)
      if let count = allowedCores() { return count }
    #endif
    return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  #if os(Linux)
    /// The bits set in the line `Cpus_allowed: ff,ffffffff` of this process's status.
    private static func allowedCores() -> Int? {
      guard let bytes = try? Files.read("/proc/self/status", limit: 1 << 20) else { return nil }
      let status = String(decoding: bytes, as: UTF8.self)
      for line in status.split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
        let mask = line.drop { $0 != ":" }.dropFirst()
        let count = mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count > 0 ? count : nil
      }
      return nil
    }
  #endif
}
