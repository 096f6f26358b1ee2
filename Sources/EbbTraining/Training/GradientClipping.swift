package import EbbGraph

/// Clipping by the global norm (Pascanu et al., 2013): where the norm of all gradients together is
/// over a limit, each is multiplied by limit / norm.
///
/// The norm is the root of the squares' sum, taken in Double in the order of the parameters and their
/// elements, so that no square overflows and nothing depends on threads. A norm that is not a finite
/// number scales nothing: the gradients pass as they are, the parameters leave the finite numbers, and
/// training stops and names the step, as without clipping.
package enum GradientClipping {
  /// The gradients, scaled down if together they are over the limit.
  package static func clipped(_ gradients: [Tensor], limit: Double) -> [Tensor] {
    guard let builder = gradients.first?.builder else { return gradients }
    let factor = builder.add(.custom(operation(limit: limit)), gradients)
    return gradients.map { factor * $0 }
  }

  /// What all gradients are multiplied by: a single number.
  private static func operation(limit: Double) -> CustomOperation {
    CustomOperation(
      "clippingFactor", shape: { _ in .scalar },
      float: { NDArray(scalar: Float(factor($0, limit: limit))) },
      double: { NDArray(scalar: factor($0, limit: limit)) },
      // An update is not differentiated.
      derivative: { _, _, _ in nil })
  }

  private static func factor<S: BinaryFloatingPoint>(
    _ gradients: [NDArray<S>], limit: Double
  ) -> Double {
    var total = 0.0
    for gradient in gradients {
      for element in gradient.elements {
        let element = Double(element)
        total += element * element
      }
    }
    let norm = total.squareRoot()
    return norm.isFinite && norm > limit ? limit / norm : 1
  }
}
