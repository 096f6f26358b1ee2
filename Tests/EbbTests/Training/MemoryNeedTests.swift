import Ebb
import EbbSystem
import Testing

@Suite("More memory than there is")
struct MemoryNeedTests {
  @Test("a network that no machine holds is refused before anything is allocated")
  func trainer() {
    // Each weight alone could be held: 40,000 by 40,000 numbers.
    let layers: [any Layer] = (0..<200).map { _ in Dense(40_000, activation: .relu) }
    let error = #expect(throws: MemoryError.self) {
      try Trainer(
        Network(layers), loss: .squaredError, optimizer: .adam(), inputs: 40_000)
    }
    let message = error?.message ?? ""
    #expect(message.contains("training this network needs about"), "\(message)")
    #expect(message.contains("for the optimizer's numbers"), "\(message)")
    #expect(message.contains("are left"), "\(message)")
  }

  @Test("a weight of 2^31 numbers and more is an error when the network is written down")
  func overflow() {
    #expect(throws: (any Error).self) {
      try Trainer(
        Network { Dense(1 << 40) }, loss: .squaredError, optimizer: .sgd(), inputs: 1 << 40)
    }
    #expect(throws: (any Error).self) {
      try Trainer(
        Network { Dense(1 << 16) }, loss: .squaredError, optimizer: .sgd(), inputs: 1 << 15)
    }
  }
}
