// Whoever imports Ebb writes with the tensors, shapes and arrays of EbbGraph.
@_exported public import EbbGraph

internal import EbbEngine

extension Interpreter<Float> {
  /// An interpreter in single precision with the kernels' functions: it computes the bits that
  /// training and prediction compute.
  public init(inSinglePrecision graph: Graph) throws {
    try self.init(graph, functions: .kernels)
  }
}
