internal import EbbGradients
public import EbbGraph
internal import EbbSystem
public import EbbTraining

/// The arithmetic operations of one node of a graph.
public struct OperationCount: Hashable, Sendable {
  /// The node.
  public let node: NodeID
  /// What is computed, such as `matmul` or `sum over [0]`.
  public let operation: String
  /// The layer that the node was traced in.
  public let scope: String
  /// The extents of the result.
  public let shape: Shape
  /// Multiplications and additions of a matrix product: 2 m k n.
  public let matrixProduct: Int
  /// All other arithmetic.
  public let other: Int
  /// Both together.
  public var total: Int { matrixProduct + other }
}

/// The arithmetic operations of a graph, node by node (M11).
///
/// | node | operations |
/// |---|---|
/// | matrix product [m, k] × [k, n] | 2 m k n: a multiplication and an addition for each of m k n pairs |
/// | elementwise | 1 per element of the result, whatever the function |
/// | sum, product, maximum, minimum over axes | 1 per element of the operand |
/// | softmax, log-sum-exp, cross-entropy of rows | 5 per element: largest, shift, exp, sum, divide or log |
/// | argmax | 1 per element of the operand |
/// | adding rows into a table | 1 per element of the operand |
/// | random numbers | 1 per element |
/// | a user's own operation on numbers | 1 per element of the result |
/// | values from outside, movement, reading by index | 0: nothing is computed |
///
/// Nodes that no output needs are not counted.
public struct OperationCounts: Hashable, Sendable {
  /// One entry per node that computes something, in the graph's order.
  public let nodes: [OperationCount]

  /// The operations of all matrix products.
  public var matrixProducts: Int { nodes.reduce(0) { $0 + $1.matrixProduct } }
  /// The operations of all other nodes.
  public var others: Int { nodes.reduce(0) { $0 + $1.other } }
  /// All operations.
  public var total: Int { matrixProducts + others }
}

extension OperationCounts: CustomStringConvertible {
  /// A table: node, operation, layer, shape and operations, with their sum.
  public var description: String {
    var rows = [["node", "operation", "layer", "shape", "operations"]]
    for entry in nodes {
      rows.append([
        "\(entry.node)", entry.operation, entry.scope, "\(entry.shape)",
        NumberFormat.grouped(entry.total),
      ])
    }
    rows.append(["all", "", "", "", NumberFormat.grouped(total)])
    rows.append(["matrix products", "", "", "", NumberFormat.grouped(matrixProducts)])
    let widths = (0..<5).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, text in
        column == 4
          ? text.paddedLeft(to: widths[column]) : text.paddedRight(to: widths[column])
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}

extension Graph {
  /// The arithmetic operations of the nodes that the outputs need.
  public var operationCounts: OperationCounts { operationCounts(of: liveNodes()) }

  fileprivate func operationCounts(of wanted: [Bool]) -> OperationCounts {
    let all = nodes.indices.filter { wanted[$0] }.map { index in
      let node = nodes[index]
      let (matrix, other) = operations(of: node)
      return OperationCount(
        node: NodeID(index), operation: node.op.text, scope: node.scope, shape: node.shape,
        matrixProduct: matrix, other: other)
    }
    return OperationCounts(nodes: all.filter { $0.total > 0 })
  }

  private func operations(of node: Node) -> (matrix: Int, other: Int) {
    let result = node.shape.count
    let operand = node.inputs.first.map { self[$0].shape } ?? .scalar
    switch node.op {
    case .matmul: return (2 * result * operand[-1], 0)
    case .unary(.stopGradient), .source, .movement: return (0, 0)
    case .unary, .binary, .ternary, .random, .custom: return (0, result)
    case .reduction, .indexing(.argmax), .indexing(.scatterAddRows): return (0, operand.count)
    case .rowwise: return (0, 5 * operand.count)
    case .indexing: return (0, 0)
    }
  }
}

/// The operations of a network's forward and backward pass on a number of rows.
///
/// Backward is what the gradients by all parameters need beyond the forward pass; the gradient by the
/// features is not among it.
public struct NetworkOperationCounts: Sendable {
  /// The rows of the batch.
  public let rows: Int
  /// Both passes; its outputs are the loss, the named values and the gradients, such as
  /// `gradient hidden1.weight`.
  public let graph: Graph
  /// From the features to the loss.
  public let forward: OperationCounts
  /// From the loss to the parameters' gradients.
  public let backward: OperationCounts
  /// The outputs of the graph that are parameters' gradients.
  public let gradients: [Graph.Output]

  /// What the matrix products of a network of dense layers take.
  ///
  /// Forward each layer is one product, 2 B Σ n_k n_{k−1} in all. Backward each is two, ∇W_k and ∇h_{k−1},
  /// but for the first, whose inputs need no gradient: 4 B Σ n_k n_{k−1} − 2 B n_1 n_0.
  ///
  /// - Parameters:
  ///   - widths: n_0 … n_D: the features, then each layer's units.
  ///   - rows: B.
  public static func matrixProducts(
    widths: [Int], rows: Int
  ) -> (forward: Int, backward: Int) {
    let pairs = zip(widths, widths.dropFirst()).map { $0 * $1 }
    let sum = pairs.reduce(0, +)
    return (2 * rows * sum, 4 * rows * sum - 2 * rows * (pairs.first ?? 0))
  }
}

extension Model {
  /// The operations of the forward and the backward pass on a number of rows, node by node.
  ///
  /// - Throws: `ExplanationError` if there are no rows, `TraceError` if the network does not fit.
  public func operationCounts(rows: Int) throws -> NetworkOperationCounts {
    guard rows > 0 else { throw ExplanationError(.noRows, "a pass needs at least one row") }
    let trace = try LossTrace(self, rows: rows)
    // What a custom operation computes is counted, not that it is one.
    let graph = try trace.graph.withCustomExpressionsInlined()
    let gradientNames = Set(trace.parameters.map { LossTrace.Port.gradient($0.name) })
    let gradients = graph.outputs.filter { gradientNames.contains($0.name) }
    var (forwardGraph, wholeGraph) = (graph, graph)
    forwardGraph.outputs = graph.outputs.filter { $0.name == LossTrace.Port.loss }
    wholeGraph.outputs = forwardGraph.outputs + gradients
    let forward = forwardGraph.liveNodes()
    let backward = zip(wholeGraph.liveNodes(), forward).map { $0 && !$1 }
    return NetworkOperationCounts(
      rows: rows, graph: graph, forward: graph.operationCounts(of: forward),
      backward: graph.operationCounts(of: backward), gradients: gradients)
  }
}
