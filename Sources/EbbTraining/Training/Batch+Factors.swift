internal import EbbData
package import EbbNetworks

extension Batch {
  /// By what each row's loss is multiplied before the losses are added.
  ///
  /// - Throws: `ModelError` if there are class weights, but not one for each class of the targets.
  package func factors(
    _ reduction: GradientReduction, classWeights: [Double]? = nil
  ) throws(ModelError) -> [Double] {
    let divisor = reduction == .mean ? Double(count) : 1
    guard let classWeights else { return [Double](repeating: 1 / divisor, count: count) }
    guard case .classes(let labels, let classes) = dataset.targets else {
      throw ModelError("class weights need labels as targets")
    }
    guard classWeights.count == classes else {
      throw ModelError("\(classWeights.count) class weights for \(classes) classes")
    }
    return rows.map { classWeights[Int(labels[Int($0)])] / divisor }
  }
}
