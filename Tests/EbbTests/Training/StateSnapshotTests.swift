import Ebb
import EbbEngine
import EbbGraph
import Testing

@Suite("Snapshots of the state")
struct StateSnapshotTests {
  /// A state of more numbers than go to the file at a time, not all of them finite.
  private func state(_ seed: Float) throws -> StateBlock {
    let graph = try trace { builder in
      [
        "y": sum(builder.parameter("a", shape: [700, 500]))
          + sum(builder.parameter("b", shape: [33]))
      ]
    }
    let state = try StateBlock(StateLayout(graph))
    state["a"] = (0..<350_000).map { Float($0) * 0.37 + seed }
    state["b"] = [.nan, -.infinity, -0.0] + (0..<30).map { seed - Float($0) }
    return state
  }

  private func bits(_ state: StateBlock) -> [UInt32] { (state["a"] + state["b"]).map(\.bitPattern) }

  @Test("give back every bit, from memory and from a file", arguments: [0, 1 << 22])
  func roundTrip(mostInMemory: Int) throws {
    let snapshot = StateSnapshot(mostInMemory: mostInMemory)
    // Twice: the second takes the place of the first.
    for seed in [1, 2] as [Float] {
      let kept = try state(seed)
      snapshot.take(kept)
      let other = try state(-5)
      try snapshot.restore(other)
      #expect(bits(other) == bits(kept))
    }
  }

  @Test("go to a file when there are too many numbers")
  func scratchFile() throws {
    let snapshot = StateSnapshot(mostInMemory: 0)
    snapshot.take(try state(1))
    #expect(snapshot.isInFile)
  }
}
