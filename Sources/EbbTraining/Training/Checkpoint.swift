package import EbbGraph
package import EbbNetworks
package import EbbSystem

/// Everything that training needs to go on exactly where it stopped.
package struct Checkpoint: Sendable {
  /// The numbers at this moment.
  package var model: Model
  /// The optimizer with its settings.
  package var optimizer: any Optimizer
  /// The optimizer's arrays, `PARAMETER.SLOT`, in the orientation of files, in order.
  package var slots: [(name: String, values: NDArray<Float>)]
  /// Steps done.
  package var step: UInt64
  /// Epochs done.
  package var epoch: Int
  /// What `fit` keeps from epoch to epoch: best loss, epochs without improvement; and whatever the
  /// caller adds.
  package var progress: JSONValue

  package init(
    model: Model, optimizer: any Optimizer, slots: [(name: String, values: NDArray<Float>)],
    step: UInt64, epoch: Int, progress: JSONValue
  ) {
    self.model = model
    self.optimizer = optimizer
    self.slots = slots
    self.step = step
    self.epoch = epoch
    self.progress = progress
  }
}
