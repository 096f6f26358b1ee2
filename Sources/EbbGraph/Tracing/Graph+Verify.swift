extension Graph {
  /// Checks that the graph is well formed: every input stands before its user, every shape and type
  /// is what the operation's rule says, parameter and input names are unique, outputs exist.
  ///
  /// - Throws: `TraceError` naming the first node that is not.
  public func verify() throws(TraceError) {
    var names: Set<String> = []
    for (index, node) in nodes.enumerated() {
      func fault(_ message: String) -> TraceError {
        TraceError(
          scope: node.scope, operation: "\(NodeID(index)) \(node.op.name)", message: message)
      }
      guard node.inputs.allSatisfy({ $0.index >= 0 && $0.index < index }) else {
        throw fault("uses \(node.inputs), which do not all stand before it")
      }
      switch node.op {
      case .source(.input(let name, _, _)), .source(.parameter(let name, _)):
        if !names.insert(name).inserted { throw fault("the name \"\(name)\" is declared twice") }
      default: break
      }
      let operands = node.inputs.map { OperandType(shape: self[$0].shape, type: self[$0].type) }
      do {
        let result = try node.op.result(of: operands)
        if result != OperandType(shape: node.shape, type: node.type) {
          throw fault("is marked \(node.shape), its rule says \(result.shape)")
        }
      } catch let error as TraceError {
        throw error
      } catch {
        throw fault((error as? ShapeFault)?.message ?? "\(error)")
      }
    }
    for output in outputs where output.id.index < 0 || output.id.index >= nodes.count {
      throw TraceError(scope: "", operation: "output", message: "\"\(output.name)\" has no node")
    }
  }
}
