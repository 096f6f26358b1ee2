import EbbSystem
import Foundation
import Testing

/// A directory of its own for one test, removed at its end.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "ebb-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { path + "/" + name }
}

@Suite("Files")
struct FilesTests {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  private func reason(_ body: () throws(FileError) -> Void) -> FileError.Reason? {
    do throws(FileError) {
      try body()
      return nil
    } catch {
      return error.reason
    }
  }

  @Test("what is written is read, whatever its size")
  func roundTrip() throws {
    for count in [0, 1, 65_535, 65_536, 65_537, 1_000_003] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let path = directory.file("data-\(count)")
      try Files.writeWhole(bytes, to: path, ifExists: .refuse)
      #expect(try Files.read(path) == bytes)
    }
    #expect(try Files.list(directory.path).count == 6, "no temporary stays")
  }

  @Test("refuses what is no regular file")
  func refusals() throws {
    #expect(
      reason { () throws(FileError) in _ = try Files.read(directory.file("gone")) } == .notFound)
    #expect(reason { () throws(FileError) in _ = try Files.read(directory.path) } == .isDirectory)
    #expect(
      reason { () throws(FileError) in _ = try Files.read("/dev/zero") }
        == .notRegularFile(kind: "device"))
    let pipe = directory.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(
      reason { () throws(FileError) in _ = try Files.read(pipe) } == .notRegularFile(kind: "pipe"))
    #expect(reason { () throws(FileError) in _ = try Files.read("") } == .invalidPath)
    #expect(reason { () throws(FileError) in _ = try Files.read("a\u{0}b") } == .invalidPath)
    let big = directory.file("big")
    try Files.writeWhole([1, 2, 3], to: big, ifExists: .refuse)
    #expect(
      reason { () throws(FileError) in _ = try Files.read(big, limit: 2) } == .tooLarge(limit: 2))
    #expect(try Files.read(big, limit: 3) == [1, 2, 3])
    #expect(
      reason { () throws(FileError) in _ = try Files.read(big + "/x") } == .notDirectory)
  }

  @Test("files the kernel makes up are read")
  func kernelFile() throws {
    #expect(try Files.read("/proc/self/status").count > 100)
  }

  @Test("an existing file is refused or replaced, its access rights kept")
  func existing() throws {
    let path = directory.file("model")
    try Files.writeWhole([1], to: path, ifExists: .refuse)
    #expect(chmod(path, 0o640) == 0)
    #expect(
      reason { () throws(FileError) in try Files.writeWhole([2], to: path, ifExists: .refuse) }
        == .alreadyExists)
    #expect(try Files.read(path) == [1])
    try Files.writeWhole([2], to: path, ifExists: .replace)
    #expect(try Files.read(path) == [2])
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
  }

  @Test("a failure inside leaves the old file and no temporary")
  func failure() throws {
    let path = directory.file("model")
    try Files.writeWhole([1], to: path, ifExists: .refuse)
    let planned = FileError(path: "x", action: "test", reason: .diskFull)
    let caught = reason { () throws(FileError) in
      try Files.writeWhole(to: path, ifExists: .replace) { (output) throws(FileError) in
        try output.write([UInt8](repeating: 7, count: 100_000))
        throw planned
      }
    }
    #expect(caught == .diskFull)
    #expect(try Files.read(path) == [1])
    #expect(try Files.list(directory.path) == ["model"])
  }

  @Test("what a killed writer left is taken over")
  func leftover() throws {
    let path = directory.file("model")
    try Files.writeWhole(
      [UInt8](repeating: 9, count: 99), to: directory.file(".model.partial"), ifExists: .refuse)
    try Files.writeWhole([1, 2], to: path, ifExists: .refuse)
    #expect(try Files.read(path) == [1, 2])
    #expect(try Files.list(directory.path) == ["model"])
  }

  @Test("two writers of one file do not mix")
  func twoWriters() throws {
    let path = directory.file("model")
    try Files.writeWhole(to: path, ifExists: .replace) { (output) throws(FileError) in
      try output.write("first")
      let second = reason { () throws(FileError) in
        try Files.writeWhole([1], to: path, ifExists: .replace)
      }
      #expect(second == .lockedByAnotherProcess)
    }
    #expect(try Files.read(path) == Array("first".utf8))
  }

  @Test("symbolic links are followed to what they point to")
  func links() throws {
    let path = directory.file("real")
    let link = directory.file("link")
    #expect(symlink("real", link) == 0)
    try Files.writeWhole([5], to: link, ifExists: .refuse)
    #expect(try Files.read(path) == [5])
    try Files.writeWhole([6], to: link, ifExists: .replace)
    #expect(try Files.read(path) == [6])
    var status = stat()
    #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    let circle = directory.file("circle")
    #expect(symlink("circle", circle) == 0)
    #expect(
      reason { () throws(FileError) in try Files.writeWhole([1], to: circle, ifExists: .replace) }
        == .tooManyLinks)
  }

  @Test("a full device and a closed pipe are reported")
  func fullDevice() throws {
    #expect(
      reason { () throws(FileError) in
        try Files.write(Array("x".utf8), to: "/dev/full", ifExists: .replace)
      } == .diskFull)
    try Files.write([1], to: "/dev/null", ifExists: .refuse)
    Interrupts.letWritesFail()
    let pipe = directory.file("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    let reader = open(pipe, O_RDONLY | O_NONBLOCK)
    let output = try OutputFile(existing: pipe)
    close(reader)
    try output.write("text")
    #expect(reason { () throws(FileError) in try output.close() } == .brokenPipe)
  }

  @Test("a directory cannot be written, nor a file where there is no directory")
  func badTargets() throws {
    #expect(
      reason { () throws(FileError) in
        try Files.writeWhole([1], to: directory.path, ifExists: .replace)
      } == .isDirectory)
    #expect(
      reason { () throws(FileError) in
        try Files.writeWhole([1], to: directory.file("no/such"), ifExists: .replace)
      } == .notFound)
  }

  @Test("long names are written too")
  func longName() throws {
    let path = directory.file(String(repeating: "n", count: 255))
    try Files.writeWhole([1], to: path, ifExists: .refuse)
    #expect(try Files.read(path) == [1])
    #expect(
      reason { () throws(FileError) in
        try Files.writeWhole([1], to: path + "n", ifExists: .refuse)
      } == .nameTooLong)
  }

  @Test("directories")
  func directories() throws {
    let deep = directory.file("a/b/c")
    try Files.createDirectory(deep)
    try Files.createDirectory(deep + "/")
    #expect(try Files.kind(of: deep) == .directory)
    try Files.createNewDirectory(directory.file("run-1"))
    #expect(
      reason { () throws(FileError) in try Files.createNewDirectory(directory.file("run-1")) }
        == .alreadyExists)
    try Files.writeWhole([1], to: directory.file("z"), ifExists: .refuse)
    #expect(
      reason { () throws(FileError) in try Files.createDirectory(directory.file("z/y")) }
        == .notDirectory)
    #expect(try Files.list(directory.path) == ["a", "run-1", "z"])
    #expect(try Files.kind(of: directory.file("gone")) == nil)
    #expect(Files.exists(directory.file("z")) && !Files.exists(directory.file("gone")))
    try Files.removeIfPresent(directory.file("z"))
    try Files.removeIfPresent(directory.file("z"))
    #expect(Files.name(of: "a/b.c") == "b.c" && Files.directory(of: "a/b.c") == "a")
    #expect(Files.directory(of: "b") == "." && Files.directory(of: "/b") == "/")
    #expect(Files.join("a", "b") == "a/b" && Files.join("a/", "b") == "a/b")
  }

  @Test("errors say what to do")
  func words() {
    let error = FileError(path: "x.csv", action: "read", code: ENOENT)
    #expect(
      error.description
        == "x.csv: cannot read: no such file or directory; check the spelling of the path")
    #expect(FileError(path: "x", action: "read", code: EIO).description.contains("error"))
  }

  @Test("a lock is held by one at a time")
  func lock() throws {
    let path = directory.file("lock")
    do {
      let lock = try FileLock(path)
      #expect(reason { () throws(FileError) in _ = try FileLock(path) } == .lockedByAnotherProcess)
      withExtendedLifetime(lock) {}
    }
    _ = try FileLock(path)
  }

  @Test("a log holds whole lines only")
  func log() throws {
    let path = directory.file("events.jsonl")
    try Files.writeWhole(Array("{\"a\":1}\n{\"half".utf8), to: path, ifExists: .refuse)
    let log = try LineLog(appendingTo: path)
    try log.append("{\"b\":2}")
    try log.append("{\"c\":3}")
    try log.synchronize()
    #expect(try Files.read(path) == Array("{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n".utf8))
    try log.keepLines(2)
    #expect(try Files.read(path) == Array("{\"a\":1}\n{\"b\":2}\n".utf8))
    try log.append("{}")
    try log.keepLines(9)
    try log.keepLines(0)
    #expect(try Files.read(path).isEmpty)
    #expect(
      reason { () throws(FileError) in _ = try LineLog(appendingTo: "/dev/null") }
        == .notRegularFile(kind: "device"))
  }
}

@Suite("Machine and terminal")
struct MachineTests {
  @Test("facts are plausible")
  func facts() {
    let start = Machine.seconds()
    #expect(Machine.seconds() >= start)
    #expect(Machine.peakMemory() > 1_000_000)
    #expect(Machine.usableCores() >= 1)
    #expect(Machine.environment("PATH") != nil)
    #expect(Machine.environment("EBB_NO_SUCH_VARIABLE") == nil)
    #expect(Terminal.width(.error, fallback: 77) > 0)
  }

  @Test("the first Ctrl-C sets a flag, the second ends the process with status 130")
  func interrupts() async {
    await #expect(processExitsWith: .exitCode(130)) {
      Interrupts.watch()
      precondition(!Interrupts.requested)
      // Sent to the process: the test's own thread does not take signals.
      kill(getpid(), SIGINT)
      while !Interrupts.requested { usleep(1000) }
      Interrupts.stopWatching()
      precondition(!Interrupts.requested)
      Interrupts.watch()
      kill(getpid(), SIGINT)
      while !Interrupts.requested { usleep(1000) }
      kill(getpid(), SIGINT)
      sleep(10)
    }
  }
}
