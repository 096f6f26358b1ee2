/// How far whole numbers from files, flags and callers may go.
///
/// What is counted here (epochs, steps, rows, batches) is added, doubled and subtracted later. The
/// limit is far above what any training reaches and so far below the largest integer that none of
/// that overflows; a `Double` holds every number up to it exactly.
package enum CountLimit {
  /// The most of anything that is counted.
  package static let most = 1_000_000_000_000_000
  /// The most threads that a computation is given.
  package static let threads = 256
}
