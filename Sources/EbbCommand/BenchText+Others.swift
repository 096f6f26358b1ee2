import Ebb
import EbbBenchmarks
import EbbSystem

extension BenchText {
  /// What the notes of training cost.
  static func recording(_ cost: RecordingCost, of network: String) -> String {
    func ratio(_ value: Double) -> String { NumberFormat.fixed(value, decimals: 3) }
    func time(_ seconds: Double) -> String { NumberFormat.duration(seconds: seconds) }
    let spread =
      cost.ratios.count > 1
      ? ", the median of \(cost.ratios.count) (\(ratio(cost.ratios.first ?? 1)) to"
        + " \(ratio(cost.ratios.last ?? 1)))" : ""
    return """
      \(network), \(NumberFormat.counted(cost.epochs, "epoch"))
      epochs in which layers are looked at: \(cost.recordedEpochs)
      an epoch without notes \(time(cost.plainSeconds)), one with them \(time(cost.recordedSeconds))
      training with notes takes \(ratio(cost.ratio)) times as long\(spread)
      """
  }

  /// How fast a network predicts.
  static func predictions(
    _ found: PredictionBenchmark, of network: String, threads: Int
  ) -> String {
    let rate = NumberFormat.grouped(whole: found.rowsPerSecond)
    return """
      \(network), \(NumberFormat.counted(threads, "thread"))
      \(rate) rows per second, \(NumberFormat.grouped(PredictionBenchmark.rows)) rows in memory
      \(NumberFormat.fixed(found.microsecondsPerRow, decimals: 1)) µs for one row alone
      """
  }
}
