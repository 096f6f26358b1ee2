package import EbbGraph

extension Plan {
  /// Compiles a graph.
  ///
  /// - Parameters:
  ///   - graph: what is computed; its outputs are computed, its updates done.
  ///   - state: where parameters lie; plans that share parameters are given the same layout. Without
  ///     one, the graph's own parameters in order of declaration.
  ///   - options: which passes run. The bits are the same for all of them.
  /// - Throws: `TraceError` if a custom operation's expression has a fault, or `InputError` if the
  ///   layout lacks a parameter.
  package init(
    _ graph: Graph, state: StateLayout? = nil, options: CompilerOptions = .all
  ) throws {
    var graph = try graph.withCustomExpressionsInlined().withoutDeadNodes()
    if options.contains(.simplify) { graph = try graph.simplified().withConstantsFolded() }
    let layout = state ?? StateLayout(graph)
    for (name, id) in graph.parameters {
      guard let entry = layout[name], entry.shape == graph[id].shape else {
        throw InputError(
          message: "the parameter \"\(name)\" \(graph[id].shape) is not in the layout of the state")
      }
    }
    var lowering = Lowering(graph, state: layout, options: options)
    lowering.run()
    let results = lowering.finish()
    let schedule = Schedule(
      lowering.drafts, lowering.buffers, state: layout, sharesStages: options.contains(.stages))
    let arena = ArenaLayout(
      lowering.buffers, lives: schedule.lives, inPlace: options.contains(.inPlace))
    func locate(_ place: Place) -> Location {
      switch place {
      case .state(let offset): Location(region: .state, offset: offset)
      case .constant(let offset): Location(region: .constants, offset: offset)
      case .buffer(let number, let offset):
        Location(region: .arena, offset: arena.offsets[number] + offset)
      }
    }
    instructions = schedule.order.map { number in
      let draft = lowering.drafts[number]
      return Instruction(
        work: draft.make(locate), label: draft.label, operations: draft.operations,
        bytes: draft.bytes, chunks: draft.chunks, stage: schedule.stages[number])
    }
    inputs = graph.inputs.compactMap { name, id in
      lowering.place(of: id).map {
        Port(name: name, shape: graph[id].shape, type: graph[id].type, location: locate($0))
      }
    }
    outputs = results.map { output, place in
      Port(
        name: output.name, shape: graph[output.id].shape, type: graph[output.id].type,
        location: locate(place))
    }
    constants = lowering.constants
    arenaCount = arena.count
    self.state = layout
    customOperations = lowering.customOperations
  }
}
