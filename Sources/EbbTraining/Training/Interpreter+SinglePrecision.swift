internal import EbbEngine
public import EbbGraph

extension Interpreter<Float> {
  /// An interpreter in single precision with the kernels' functions: it computes the bits that
  /// training and prediction compute.
  public init(inSinglePrecision graph: Graph) throws {
    try self.init(graph, functions: .kernels)
  }
}
