internal import CKernels
internal import EbbGraph

extension Lowering {
  mutating func lowerMovement(_ id: NodeID, _ node: Node, _ movement: Movement) {
    switch movement {
    case .reshape, .transpose, .expand, .slice: return  // seen through by whoever reads it
    case .concatenate(let axis):
      let y = newPlace(for: id)
      let strides = node.shape.strides
      var start = 0
      for input in node.inputs {
        let shape = graph[input].shape
        emitMove(input, into: y.advanced(by: start * strides[axis]), shape, strides, id)
        start += shape[axis]
      }
    case .pad(let before, _):
      let y = newPlace(for: id)
      let count = node.shape.count
      emit(id, operations: 0, reads: [], writes: [y], chunks: .rows(count, elementsPerRow: 1)) {
        locate in .fill(Fill(value: 0, y: locate(y), count: count))
      }
      let strides = node.shape.strides
      let offset = zip(before, strides).map { $0 * $1 }.reduce(0, +)
      let input = node.inputs[0]
      let shape = graph[input].shape
      if shape.count > 0 { emitMove(input, into: y.advanced(by: offset), shape, strides, id) }
    }
  }

  private mutating func emitMove(
    _ input: NodeID, into y: Place, _ shape: Shape, _ yStrides: [Int], _ id: NodeID
  ) {
    let view = view(input)
    guard let source = place(of: view.source) else {
      preconditionFailure("\(view.source) is read before it is computed")
    }
    emitCopy(
      id, from: source.advanced(by: view.offset), strides: view.strides, to: y, shape: shape,
      yStrides: yStrides)
  }

  /// The operand with the given axes side by side: where it lies, and outer, length, inner.
  private mutating func arranged(
    _ input: NodeID, axes: [Int]
  ) -> (place: Place, outer: Int, length: Int, inner: Int) {
    let shape = graph[input].shape
    let length = axes.map { shape[$0] }.reduce(1, *)
    if let first = axes.first, axes == Array(first..<(first + axes.count)) {
      let outer = shape.extents[..<first].reduce(1, *)
      let inner = shape.extents[(first + axes.count)...].reduce(1, *)
      return (contiguous(input), outer, length, inner)
    }
    let kept = (0..<shape.rank).filter { !axes.contains($0) }
    let order = kept + axes
    let view = view(input)
    guard let source = place(of: view.source) else {
      preconditionFailure("\(view.source) is read before it is computed")
    }
    let y = newBuffer(shape.count)
    let extents = Shape(order.map { shape[$0] })
    emitCopy(
      input, from: source.advanced(by: view.offset), strides: order.map { view.strides[$0] },
      to: y, shape: extents, yStrides: extents.strides)
    return (y, kept.map { shape[$0] }.reduce(1, *), length, 1)
  }

  mutating func lowerReduction(
    _ id: NodeID, _ node: Node, _ reduction: Reduction, _ axes: [Int]
  ) {
    let x = arranged(node.inputs[0], axes: axes)
    let y = newPlace(for: id)
    emit(
      id, operations: x.outer * x.length * x.inner, reads: [x.place], writes: [y],
      chunks: .rows(x.outer, elementsPerRow: x.length * x.inner)
    ) { locate in
      .reduce(
        Reduce(
          kind: reduction.code.rawValue, x: locate(x.place), y: locate(y), outer: x.outer,
          length: x.length, inner: x.inner))
    }
  }

  mutating func lowerRowwise(_ id: NodeID, _ node: Node, _ rowwise: Rowwise) {
    let x = contiguous(node.inputs[0])
    let shape = graph[node.inputs[0]].shape
    let width = shape[-1]
    let rows = shape.extents.dropLast().reduce(1, *)
    let chunks = Chunks.rows(rows, elementsPerRow: width * 32)
    let operations = 20 * shape.count
    switch rowwise {
    case .softmax, .logSumExp:
      let y = newPlace(for: id)
      emit(id, operations: operations, reads: [x], writes: [y], chunks: chunks) { locate in
        let work = Rows(x: locate(x), y: locate(y), rows: rows, width: width)
        return rowwise == .softmax ? .softmax(work) : .logSumExp(work)
      }
    case .softmaxCrossEntropy:
      let labels = contiguous(node.inputs[1])
      let scale = crossEntropy.byLoss[id].map { match in
        (match.gradient, rowScale(match.scale, shape))
      }
      let loss = newPlace(for: id)
      let gradient = scale.map { (place: newPlace(for: $0.0), scale: $0.1) }
      emit(
        id, operations: operations,
        reads: [x, labels] + (gradient.map { [$0.scale.place] } ?? []),
        writes: [loss] + (gradient.map { [$0.place] } ?? []), chunks: chunks
      ) { locate in
        .crossEntropy(
          CrossEntropy(
            x: locate(x), labels: locate(labels), loss: locate(loss),
            gradient: gradient.map {
              .init(
                location: locate($0.place), scale: locate($0.scale.place),
                scaleStride: $0.scale.stride)
            }, rows: rows, width: width))
      }
    }
  }

  /// A factor per row of a matrix, or one for all.
  private mutating func rowScale(_ id: NodeID, _ shape: Shape) -> (place: Place, stride: Int) {
    let view = view(id)
    if let source = place(of: view.source) {
      let place = source.advanced(by: view.offset)
      switch view.pattern(shape) {
      case .scalar: return (place, 0)
      case .perRow(shape[-1]): return (place, 1)
      case .contiguous where shape[-1] == 1: return (place, 1)
      default: break
      }
    }
    preconditionFailure("the scale of a cross-entropy gradient is not one per row")
  }

  mutating func lowerIndexing(_ id: NodeID, _ node: Node, _ indexing: Indexing) {
    switch indexing {
    case .gatherRows:
      let (table, indices) = (contiguous(node.inputs[0]), contiguous(node.inputs[1]))
      let y = newPlace(for: id)
      let shape = graph[node.inputs[0]].shape
      let rows = graph[node.inputs[1]].shape.count
      emit(
        id, operations: 0, reads: [table, indices], writes: [y],
        chunks: .rows(rows, elementsPerRow: shape[1])
      ) { locate in
        .gatherRows(
          IndexedRows(
            x: locate(table), indices: locate(indices), y: locate(y), tableRows: shape[0],
            rows: rows, width: shape[1]))
      }
    case .scatterAddRows(let tableRows):
      let (x, indices) = (contiguous(node.inputs[0]), contiguous(node.inputs[1]))
      let y = newPlace(for: id)
      let rows = graph[node.inputs[1]].shape.count
      let width = node.shape[1]
      emit(id, operations: rows * width, reads: [x, indices], writes: [y], chunks: Chunks()) {
        locate in
        .scatterAddRows(
          IndexedRows(
            x: locate(x), indices: locate(indices), y: locate(y), tableRows: tableRows,
            rows: rows, width: width))
      }
    case .oneHot(let classes):
      let indices = contiguous(node.inputs[0])
      let y = newPlace(for: id)
      let rows = graph[node.inputs[0]].shape.count
      emit(
        id, operations: 0, reads: [indices], writes: [y],
        chunks: .rows(rows, elementsPerRow: classes)
      ) { locate in
        .oneHot(
          IndexedRows(
            x: locate(indices), indices: locate(indices), y: locate(y), tableRows: 0, rows: rows,
            width: classes))
      }
    case .argmax(let axis):
      let x = arranged(node.inputs[0], axes: [axis])
      let y = newPlace(for: id)
      emit(
        id, operations: x.outer * x.length * x.inner, reads: [x.place], writes: [y],
        chunks: .rows(x.outer, elementsPerRow: x.length * x.inner)
      ) { locate in
        .argmax(
          Reduce(
            kind: 0, x: locate(x.place), y: locate(y), outer: x.outer, length: x.length,
            inner: x.inner))
      }
    }
  }

  mutating func lowerCustom(_ id: NodeID, _ node: Node, _ operation: CustomOperation) {
    let operands = node.inputs.map { contiguous($0) }
    let y = newPlace(for: id)
    let number = add(
      Plan.CustomNode(
        operation: operation, shapes: node.inputs.map { graph[$0].shape }, result: node.shape))
    emit(
      id, operations: node.shape.count, reads: operands, writes: [y], chunks: Chunks(),
      isAlone: true
    ) { locate in
      .custom(CustomCall(operation: number, operands: operands.map(locate), y: locate(y)))
    }
  }
}
