/// What is about to be asked of the system needs more memory than there is.
public struct MemoryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What needs how much, how much there is, and what to do.
  public let message: String
  /// The message.
  public var description: String { message }

  package init(_ message: String) { self.message = message }
}

/// An estimate of the memory that something will take, made before any of it is asked for: the system
/// promises more than it has, and a program that it did not give any ends without a word.
package struct MemoryNeed {
  /// Such as `training this network`.
  private let purpose: String
  /// What to do if there is too little.
  private let advice: String
  private var parts: [(name: String, bytes: Double)] = []
  /// Bytes that are set apart for threads and hardly used: only a limit of the process counts them.
  package var addresses = 0.0

  /// So little is always tried.
  private static let negligible = 8e6

  package init(
    _ purpose: String, advice: String = "make it smaller, or use a machine with more memory"
  ) {
    (self.purpose, self.advice) = (purpose, advice)
  }

  /// The need with a part more; counts are Doubles, so that no product of sizes overflows.
  package func adding(_ name: String, _ count: Double, bytesEach: Double = 4) -> MemoryNeed {
    var result = self
    result.parts.append((name, count * bytesEach))
    return result
  }

  /// The sum of the parts in bytes.
  package var bytes: Double { parts.reduce(0) { $0 + $1.bytes } }

  /// Throws if there is not as much.
  package func check() throws(MemoryError) {
    if bytes > Self.negligible { try check(against: .now) }
  }

  /// Throws if it is more than what is left, with a quarter and 16 MB for what an estimate does not
  /// know: what is held twice for a moment, threads' stacks, gaps between the pieces.
  package func check(against available: AvailableMemory?) throws(MemoryError) {
    var reserve = bytes / 4 + 16e6
    if available?.bound == .process { reserve += addresses }
    let total = bytes + reserve
    guard let available, total > Double(available.bytes) else { return }
    let large = parts.filter { $0.bytes >= 0.01 * bytes }.sorted { $0.bytes > $1.bytes }
    let list = (large + [("work on the way", reserve)])
      .map { "\(Self.text($0.bytes)) for \($0.name)" }.joined(separator: ", ")
    throw MemoryError(
      "\(purpose) needs about \(Self.text(total)) of memory (\(list)), and"
        + " \(Self.text(Double(available.bytes))) are left \(available.bound.words); \(advice)")
  }

  private static func text(_ bytes: Double) -> String {
    NumberFormat.bytes(Int(exactly: bytes.rounded()) ?? .max)
  }
}
