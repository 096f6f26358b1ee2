internal import CArguments

/// What this process was started with.
package enum ProcessArguments {
  /// The program's name and its arguments, also where /proc, which Swift reads them from, is missing.
  package static let all: [String] = {
    let count = ebb_argument_count()
    guard count > 0 else { return CommandLine.arguments }
    return (0..<count).compactMap { ebb_argument($0).map { String(cString: $0) } }
  }()
}
