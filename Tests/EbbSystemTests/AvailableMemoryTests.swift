import EbbSystem
import Foundation
import Testing

@Suite("How much memory there is")
struct AvailableMemoryTests {
  /// A tree of files as the system has them.
  private final class Root {
    let path = NSTemporaryDirectory() + "/ebb-memory-\(UUID().uuidString)"

    init(_ files: [String: String]) throws {
      for (name, text) in files {
        let file = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var available: AvailableMemory? { .now(root: path) }
  }

  private let machine = "MemTotal:  9000 kB\nMemAvailable:    5000 kB\nSwapFree:  100 kB\n"

  @Test("what the machine has left, with swap")
  func ofMachine() throws {
    let root = try Root(["proc/meminfo": machine])
    #expect(root.available == AvailableMemory(bytes: 5100 * 1024, bound: .machine))
  }

  @Test("a control group's limit, less what it uses and cannot give up; groups above count too")
  func ofGroup() throws {
    let directory = "sys/fs/cgroup/outer"
    let root = try Root([
      "proc/meminfo": machine, "proc/self/cgroup": "0::/outer/inner\n",
      "\(directory)/memory.max": "2000000\n", "\(directory)/memory.current": "900000\n",
      "\(directory)/memory.stat": "anon 5\ninactive_file 100000\n",
      "\(directory)/inner/memory.max": "max\n", "\(directory)/inner/memory.current": "5\n",
    ])
    #expect(root.available == AvailableMemory(bytes: 1_200_000, bound: .group))
  }

  @Test("a control group of the first version, seen from within its container")
  func ofOldGroup() throws {
    let directory = "sys/fs/cgroup/memory"
    let root = try Root([
      "proc/meminfo": machine,
      "proc/self/cgroup": "11:cpu,cpuacct:/docker/5\n4:memory:/docker/5\n0::/\n",
      "\(directory)/memory.limit_in_bytes": "3000000\n",
      "\(directory)/memory.usage_in_bytes": "1000000\n",
      "\(directory)/memory.stat": "total_inactive_file 1\n",
    ])
    #expect(root.available == AvailableMemory(bytes: 2_000_001, bound: .group))
  }

  @Test("a limit that is none, and numbers that are none, do not count")
  func withoutLimit() throws {
    let root = try Root([
      "proc/meminfo": machine, "proc/self/cgroup": "0::/\nnonsense\n4:memory:/\n",
      "sys/fs/cgroup/memory.max": "9223372036854771712",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "99999999999999999999999",
    ])
    #expect(root.available?.bound == .machine)
  }

  @Test("without /proc and /sys the system itself is asked")
  func bare() throws {
    let root = try Root([:])
    #expect((root.available?.bytes ?? 0) > 1 << 20)
  }
}
