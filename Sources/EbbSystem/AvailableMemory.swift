#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much more memory this process can get, as far as that is known beforehand: the smallest of what
/// the limits of the process, those of its control group, and the machine leave.
package struct AvailableMemory: Sendable, Equatable {
  /// What sets the limit.
  package enum Bound: Sendable, Equatable {
    case process
    case group
    case machine

    /// `within this process's limit (ulimit)`.
    package var words: String {
      switch self {
      case .process: "within this process's limit (ulimit)"
      case .group: "within the limit of this process's control group"
      case .machine: "on this machine"
      }
    }
  }

  /// Bytes, 0 or more.
  package let bytes: Int
  package let bound: Bound

  package init(bytes: Int, bound: Bound) { (self.bytes, self.bound) = (bytes, bound) }

  /// As it is at this moment; nil if nothing is known.
  package static var now: AvailableMemory? { now(root: "") }

  /// - Parameter root: where `proc` and `sys` lie; tests have ones of their own.
  package static func now(root: String) -> AvailableMemory? {
    let files = SystemFiles(root: root)
    return [processLimit(files), groupLimit(files), machineLimit(files)].compactMap { $0 }
      .min { $0.bytes < $1.bytes }
  }

  // MARK: The process

  private static func processLimit(_ files: SystemFiles) -> AvailableMemory? {
    // Size of all mappings, and of data with stack, in pages.
    let pages = files.text("proc/self/statm")?.split(separator: " ").map { Int($0) ?? 0 }
    let page = sysconf(Int32(_SC_PAGESIZE))
    func left(_ limit: Int?, _ field: Int) -> AvailableMemory? {
      guard let limit else { return nil }
      let used = pages.flatMap { $0.count > field ? $0[field] * page : nil }
      return AvailableMemory(
        bytes: max(0, limit - (used ?? Machine.peakMemory())), bound: .process)
    }
    return [left(softLimit(.space), 0), left(softLimit(.data), 5)].compactMap { $0 }
      .min { $0.bytes < $1.bytes }
  }

  private enum Resource { case space, data }

  private static func softLimit(_ resource: Resource) -> Int? {
    var limit = rlimit()
    #if canImport(Glibc)
      let code = __rlimit_resource_t((resource == .space ? RLIMIT_AS : RLIMIT_DATA).rawValue)
    #else
      let code = resource == .space ? RLIMIT_AS : RLIMIT_DATA
    #endif
    guard getrlimit(code, &limit) == 0 else { return nil }
    return Int(exactly: limit.rlim_cur).flatMap { $0 < 1 << 60 ? $0 : nil }
  }

  // MARK: The control group

  private static func groupLimit(_ files: SystemFiles) -> AvailableMemory? {
    var found: [Int] = []
    for line in (files.text("proc/self/cgroup") ?? "").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isUnified = parts[1].isEmpty
      guard isUnified || parts[1].split(separator: ",").contains("memory") else { continue }
      let base = isUnified ? "sys/fs/cgroup" : "sys/fs/cgroup/memory"
      let names =
        isUnified
        ? ("memory.max", "memory.current", "inactive_file")
        : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
      // Every group above has a limit of its own; within a container the path may be its host's.
      var path = parts[2].split(separator: "/")
      while true {
        let directory = ([base] + path.map(String.init)).joined(separator: "/")
        if let limit = files.number("\(directory)/\(names.0)"), limit < 1 << 60 {
          let used = files.number("\(directory)/\(names.1)") ?? 0
          // What is cached of files is given up when memory is needed.
          let cached = files.field(names.2, of: "\(directory)/memory.stat") ?? 0
          found.append(max(0, limit - max(0, used - cached)))
        }
        if path.popLast() == nil { break }
      }
    }
    return found.min().map { AvailableMemory(bytes: $0, bound: .group) }
  }

  // MARK: The machine

  private static func machineLimit(_ files: SystemFiles) -> AvailableMemory? {
    if let available = files.field("MemAvailable:", of: "proc/meminfo") {
      let swap = files.field("SwapFree:", of: "proc/meminfo") ?? 0
      return AvailableMemory(bytes: (available + swap) * 1024, bound: .machine)
    }
    let (pages, page) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
    guard pages > 0, page > 0 else { return nil }
    return AvailableMemory(
      bytes: max(0, pages * page - Machine.peakMemory()), bound: .machine)
  }
}

/// Small files in which the system tells numbers.
private struct SystemFiles {
  let root: String

  func text(_ path: String) -> String? {
    guard let bytes = try? Files.read("\(root)/\(path)", limit: 1 << 20) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A file that holds one number.
  func number(_ path: String) -> Int? {
    text(path).flatMap { text in
      let word = text.prefix { !$0.isNewline }
      // What is larger than a number can hold is no limit.
      return word.allSatisfy(\.isNumber) && !word.isEmpty ? Int(word) ?? .max : nil
    }
  }

  /// The number after a name at the beginning of a line.
  func field(_ name: String, of path: String) -> Int? {
    for line in (text(path) ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count >= 2, words[0] == name { return Int(words[1]) }
    }
    return nil
  }
}
