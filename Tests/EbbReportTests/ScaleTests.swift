import EbbReport
import Testing

@Suite("Axes")
struct ScaleTests {
  private func labels(_ scale: Scale) -> [String] { scale.ticks.map(\.label) }

  @Test(
    "round numbers, with as many decimals as they need",
    arguments: [
      ([0.85, 0.99], ["0.85", "0.90", "0.95", "1.00"]),
      ([0, 7], ["0", "2", "4", "6", "8"]),
      ([-3, 8], ["-5", "0", "5", "10"]),
      ([12_000, 48_000], ["0", "10,000", "20,000", "30,000", "40,000", "50,000"]),
      ([0.1, 0.3], ["0", "0.1", "0.2", "0.3"]),
      ([1e-9, 4e-9], ["0", "1e-09", "2e-09", "3e-09", "4e-09"]),
    ])
  func roundNumbers(values: [Double], expected: [String]) {
    #expect(labels(.linear(values, from: 0, to: 100)) == expected)
  }

  @Test("constant, absent and infinite numbers still give an axis")
  func degenerate() {
    for values in [
      [], [0], [3, 3, 3], [-2], [.nan], [.infinity, 1], [Double.leastNonzeroMagnitude],
      [1e299, -1e299], [1e308], [1, 1 + 1e-15],
    ] {
      let scale = Scale.linear(values, from: 0, to: 100)
      #expect(scale.high > scale.low, "\(values)")
      #expect(scale.ticks.count >= 2 && scale.ticks.count <= 12, "\(values)")
      for value in values where value.magnitude <= 1e300 {
        let place = scale.place(value)
        #expect(place.map { $0 >= -0.001 && $0 <= 100.001 } == true, "\(value) of \(values)")
      }
    }
    #expect(Scale.linear([1, 2], from: 0, to: 1).place(.nan) == nil)
    #expect(Scale.linear([1, 2], from: 0, to: 1).place(.infinity) == nil)
  }

  @Test("decades where positive numbers span more than two")
  func decades() {
    #expect(Scale.suiting([1, 100], from: 0, to: 100).kind == .linear)
    let scale = Scale.suiting([0.002, 3], from: 0, to: 100)
    #expect(scale.kind == .logarithmic)
    #expect(labels(scale) == ["0.001", "0.01", "0.1", "1", "10"])
    #expect(scale.place(0.001) == 0)
    #expect(scale.place(10) == 100)
    #expect(abs((scale.place(0.1) ?? -1) - 50) < 1e-9)
    #expect(scale.place(0) == nil)
    // A negative number has no logarithm, so there is a linear axis.
    #expect(Scale.suiting([-1, 0.001, 10], from: 0, to: 100).kind == .linear)
  }

  @Test("a zero stands at the end of a logarithmic axis, and says so")
  func zero() {
    let scale = Scale.suiting([0, 0.001, 10], from: 0, to: 100)
    #expect(labels(scale).first == "0")
    #expect(scale.place(0) == 0)
    #expect((scale.place(0.001) ?? 0) > 10)
  }

  @Test("epochs: the first and whole numbers")
  func epochs() {
    #expect(labels(.whole([1], from: 0, to: 100)) == ["1"])
    #expect(labels(.whole([1, 2, 3], from: 0, to: 100)) == ["1", "2", "3"])
    #expect(
      labels(.whole((1...40).map(Double.init), from: 0, to: 100)) == ["1", "10", "20", "30", "40"])
    #expect(
      labels(.whole((1...1000).map(Double.init), from: 0, to: 100))
        == ["1", "200", "400", "600", "800", "1,000"])
  }

  @Test("names are moved apart within their room")
  func apart() {
    #expect(LineChart.apart([10, 12, 50], by: 14, within: 0...100) == [10, 24, 50])
    #expect(LineChart.apart([95, 99], by: 14, within: 0...100) == [86, 100])
  }
}
