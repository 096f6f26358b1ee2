internal import EbbSystem

extension MemoryNeed {
  /// Throws if there is no memory for a table's numbers.
  static func table(
    rows: Int, columns: Int, bytesEach: Double, of source: String
  ) throws(DataError) {
    do throws(MemoryError) {
      try MemoryNeed(
        "a table of \(NumberFormat.counted(rows, "row")) and"
          + " \(NumberFormat.counted(columns, "column"))",
        advice: "take fewer rows or columns, or a machine with more memory"
      ).adding("its numbers", Double(rows) * Double(columns), bytesEach: bytesEach).check()
    } catch {
      throw DataError(.unreadable, source: source, error.message)
    }
  }
}
