package import EbbEngine
internal import EbbSystem

/// Parameters and optimizer's numbers as they once were.
///
/// A large state goes to a scratch file: a copy in memory would be a third of all that the training of
/// a large network with Adam needs. Where there is no room for the file, it stays in memory.
package final class StateSnapshot {
  private var numbers: [Float] = []
  private var file: ScratchFile?

  /// States of at most so many numbers (16 MB) stay in memory.
  private let mostInMemory: Int
  /// Numbers that go to the file at a time.
  private static let piece = 1 << 18

  package init(mostInMemory: Int = 1 << 22) { self.mostInMemory = mostInMemory }

  /// Whether the numbers lie in the scratch file.
  package var isInFile: Bool { file != nil }

  /// Keeps the state as it is now.
  package func take(_ state: StateBlock) {
    if state.layout.count > mostInMemory, write(state) { return }
    file = nil
    state.copy(0..<state.layout.count, to: &numbers)
  }

  /// Puts a state back to what was kept.
  package func restore(_ state: StateBlock) throws {
    guard let file else { return state.copy(from: numbers, at: 0) }
    file.rewind()
    for range in Self.pieces(of: state) {
      var piece = [Float](repeating: 0, count: range.count)
      guard file.read(into: &piece) else {
        throw ModelError("the scratch file with an earlier state of the training cannot be read")
      }
      state.copy(from: piece, at: range.lowerBound)
    }
  }

  private func write(_ state: StateBlock) -> Bool {
    file = file ?? ScratchFile()
    guard let file else { return false }
    file.rewind()
    for range in Self.pieces(of: state) {
      state.copy(range, to: &numbers)
      if !file.write(numbers) { return false }
    }
    return true
  }

  private static func pieces(of state: StateBlock) -> [Range<Int>] {
    stride(from: 0, to: state.layout.count, by: piece).map {
      $0..<min(state.layout.count, $0 + piece)
    }
  }
}
