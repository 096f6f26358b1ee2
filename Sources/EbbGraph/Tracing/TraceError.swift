/// What is wrong with a computation, found while it was traced.
///
/// Operators on tensors do not throw. The first fault is kept, the trace goes on with a best guess,
/// and `trace` throws the fault at its end.
public struct TraceError: Error, Hashable, Sendable {
  /// The layer that was being traced, such as `hidden2`; empty at the top level.
  public let scope: String
  /// The operation, such as `matmul`.
  public let operation: String
  /// What was expected, what came, and what to do.
  public let message: String

  package init(scope: String, operation: String, message: String) {
    (self.scope, self.operation, self.message) = (scope, operation, message)
  }
}

extension TraceError: CustomStringConvertible {
  /// One line for people.
  public var description: String {
    (scope.isEmpty ? "" : "in \(scope): ") + "\(operation): \(message)"
  }
}

/// The fault that a shape rule finds; the builder adds where.
package struct ShapeFault: Error {
  let message: String
  init(_ message: String) { self.message = message }
}
