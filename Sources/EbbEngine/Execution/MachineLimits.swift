internal import CKernels

/// What one core of this machine can do at most, measured now.
package struct MachineLimits: Sendable {
  /// Multiply-adds on registers, as 10⁹ floating-point operations per second.
  package let gflops: Double
  /// Memory read and written by w = w − rate · g on arrays beyond every cache, as 10⁹ bytes per
  /// second.
  package let gigabytes: Double

  /// Measures for about a fifth of a second.
  package init(kernels: KernelSet) throws {
    let turns: Int64 = 200_000
    let table = kernels.table.pointee
    var ignored: Float = 0
    gflops = Self.best(of: 9, work: Double(turns) * 192) { ignored += table.multiply_adds(turns) }
    let count = 1 << 23
    let (w, g) = (try Memory(count: count), try Memory(count: count))
    // Memory that was never written is all one page.
    for index in 0..<count { g.start[index] = Float(index & 7) }
    let rate: Float = 0.5
    gigabytes = withUnsafePointer(to: rate) { rate in
      Self.best(of: 5, work: Double(count) * 12) {
        table.sgd(w.start, g.start, rate, 0, Int64(count))
      }
    }
    precondition(!ignored.isNaN, "the sums of the measurement are finite")
  }

  private static func best(of runs: Int, work: Double, _ body: () -> Void) -> Double {
    var shortest = UInt64.max
    for _ in 0..<runs {
      let start = now()
      body()
      shortest = min(shortest, now() - start)
    }
    return work / Double(max(1, shortest))
  }
}
