internal import CKernels

extension Matmul.Ending {
  /// What the chain on a product computes, if the kernel knows it; operation for operation:
  ///
  ///     w' = w − rate · product
  ///     product + bias,  relu(product + bias)
  ///     product · float(h > 0)
  ///
  /// - Parameter zero: where the constant 0 lies.
  init?(_ chain: Chain, product: Location, zero: Location?) {
    guard chain.outputs.count == 1 else { return nil }
    let reader = ChainReader(chain)
    let (result, y) = (chain.outputs[0].source, chain.outputs[0].location)
    if let update = SGDUpdate(chain), update.gradient == product {
      self.init(kind: .descend, operand: update.rate, y: y)
    } else if chain.steps.count == 1, let bias = reader.bias(result, on: product) {
      self.init(kind: .add, operand: bias.location, y: y)
    } else if chain.steps.count == 2, let (sum, _) = reader.operands(result, EBB_RELU),
      let bias = reader.bias(sum, on: product)
    {
      self.init(kind: .addRelu, operand: bias.location, y: y)
    } else if chain.steps.count == 2, let gate = reader.gate(result, on: product, zero: zero) {
      self.init(kind: .gate, operand: gate.location, y: y)
    } else {
      return nil
    }
  }
}

extension SGDUpdate {
  /// The update that a chain computes, if it is w' = w − rate · g, operation for operation.
  init?(_ chain: Chain) {
    guard chain.outputs.count == 1, chain.steps.count == 2,
      let found = ChainReader(chain).sgd(w: chain.outputs[0].source),
      found.w.location == chain.outputs[0].location, found.w.location != found.gradient.location
    else { return nil }
    self.init(
      w: found.w.location, gradient: found.gradient.location, rate: found.rate.location,
      count: chain.rows * chain.inner)
  }
}

extension AdamUpdate {
  /// The update that a chain computes, if it is Adam's, operation for operation:
  ///
  ///     m' = beta1 · m + (1 − beta1) · g
  ///     v' = beta2 · v + (1 − beta2) · (g · g)
  ///     w' = w − (rate · m') / (√v' · correction + epsilon)
  ///
  /// As the tail of a product: only if the gradient is the product's result.
  init?(_ chain: Chain, gradient: Location? = nil) {
    guard chain.outputs.count == 3, chain.steps.count == 13 else { return nil }
    let reader = ChainReader(chain)
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      let sources = order.map { chain.outputs[$0].source }
      guard let found = reader.adam(m: sources[0], v: sources[1], w: sources[2]),
        found.m.location == chain.outputs[order[0]].location,
        found.v.location == chain.outputs[order[1]].location,
        found.w.location == chain.outputs[order[2]].location,
        gradient == nil || gradient == found.gradient.location
      else { continue }
      let update = AdamUpdate(
        w: found.w.location, m: found.m.location, v: found.v.location,
        gradient: found.gradient.location, scalars: found.scalars.map(\.location),
        count: chain.rows * chain.inner)
      // The kernel reads the gradient while it writes the others.
      let written: Set<Location> = [update.w, update.m, update.v]
      if written.contains(update.gradient) { continue }
      self = update
      return
    }
    return nil
  }
}

/// Reads a chain's steps as an expression.
private struct ChainReader {
  typealias Operand = Chain.Operand

  let chain: Chain
  private let stepOf: [Int: Chain.Step]

  init(_ chain: Chain) {
    self.chain = chain
    stepOf = Dictionary(
      chain.steps.map { (Int($0.target), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The operands of the step that computes a register, if it is the given operation.
  func operands(_ register: Int, _ operation: ebb_operation) -> (Int, Int)? {
    guard let step = stepOf[register], UInt32(step.operation) == operation.rawValue else {
      return nil
    }
    return (Int(step.a), Int(step.b))
  }

  private func operand(_ register: Int, _ access: Chain.Access) -> Operand? {
    guard register < chain.operands.count, chain.operands[register].access == access else {
      return nil
    }
    return chain.operands[register]
  }

  /// factor · x + other · y, as the registers (factor, x, other, y).
  private func blend(_ register: Int) -> (Int, Int, Int, Int)? {
    guard let (left, right) = operands(register, EBB_ADD),
      let (factor, x) = operands(left, EBB_MULTIPLY),
      let (other, y) = operands(right, EBB_MULTIPLY)
    else { return nil }
    return (factor, x, other, y)
  }

  func sgd(w: Int) -> (w: Operand, rate: Operand, gradient: Operand)? {
    guard let (oldW, change) = operands(w, EBB_SUBTRACT),
      let (first, second) = operands(change, EBB_MULTIPLY),
      let w = operand(oldW, .contiguous), let rate = operand(first, .scalar),
      let gradient = operand(second, .contiguous)
    else { return nil }
    return (w, rate, gradient)
  }

  /// The bias in product + bias.
  func bias(_ register: Int, on product: Location) -> Operand? {
    guard let (left, right) = operands(register, EBB_ADD) else { return nil }
    for (one, other) in [(left, right), (right, left)] {
      if operand(one, .contiguous)?.location == product, let bias = operand(other, .perColumn) {
        return bias
      }
    }
    return nil
  }

  /// The h in product · (h > 0).
  func gate(_ register: Int, on product: Location, zero: Location?) -> Operand? {
    guard let (left, right) = operands(register, EBB_MULTIPLY) else { return nil }
    for (one, other) in [(left, right), (right, left)] {
      if operand(one, .contiguous)?.location == product,
        let (h, bound) = operands(other, EBB_GREATER), let gate = operand(h, .contiguous),
        let bound = operand(bound, .scalar), bound.location == zero
      {
        return gate
      }
    }
    return nil
  }

  func adam(
    m: Int, v: Int, w: Int
  ) -> (w: Operand, m: Operand, v: Operand, gradient: Operand, scalars: [Operand])? {
    guard let (beta1, oldM, rest1, g) = blend(m), let (beta2, oldV, rest2, square) = blend(v),
      let (first, second) = operands(square, EBB_MULTIPLY), first == g, second == g,
      let (oldW, quotient) = operands(w, EBB_SUBTRACT),
      let (top, bottom) = operands(quotient, EBB_DIVIDE),
      let (rate, numerator) = operands(top, EBB_MULTIPLY), numerator == m,
      let (scaled, epsilon) = operands(bottom, EBB_ADD),
      let (root, correction) = operands(scaled, EBB_MULTIPLY),
      let (radicand, _) = operands(root, EBB_SQRT), radicand == v
    else { return nil }
    let scalars = [beta1, rest1, beta2, rest2, rate, correction, epsilon].compactMap {
      operand($0, .scalar)
    }
    guard scalars.count == 7, let w = operand(oldW, .contiguous),
      let m = operand(oldM, .contiguous), let v = operand(oldV, .contiguous),
      let gradient = operand(g, .contiguous)
    else { return nil }
    return (w, m, v, gradient, scalars)
  }
}
