import EbbSystem
import Foundation
import Testing

/// Makes a file this process's standard input.
func redirectStandardInput(to path: String) throws {
  let descriptor = open(path, O_RDONLY)
  precondition(descriptor >= 0 && dup2(descriptor, STDIN_FILENO) == STDIN_FILENO)
  close(descriptor)
}

@Suite("Writing under kill")
struct CrashTests {
  /// A child writes one file over and over and is killed in the middle of it; each time the file
  /// must be one of those written, whole, and at most one temporary may lie beside it.
  @Test("a killed writer leaves a whole file", .timeLimit(.minutes(1)))
  func kills() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("model")
    for round in 0..<8 {
      let delay = useconds_t(2_000 + 1_700 * round)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = path as String, delay = delay as useconds_t] in
        let killer = Thread {
          usleep(delay)
          kill(getpid(), SIGKILL)
        }
        killer.start()
        var value: UInt8 = 0
        while true {
          value &+= 1
          try Files.writeWhole(
            [UInt8](repeating: value, count: 300_000), to: path, ifExists: .replace)
        }
      }
      if Files.exists(path) {
        let bytes = try Files.read(path)
        #expect(bytes.count == 300_000 && Set(bytes).count == 1, "round \(round)")
      }
      #expect(try Files.list(directory.path).count <= 2)
    }
    try Files.writeWhole([1], to: path, ifExists: .replace)
    #expect(try Files.list(directory.path) == ["model"])
  }
}
