internal import CKernels
internal import EbbGraph

extension Lowering {
  /// Emits a group of elementwise nodes as one chain, on its own or as the tail of a product.
  mutating func lowerGroup(_ root: NodeID) {
    let product = fusion.product[root]
    let productPlace = product.map { newPlace(for: $0) }
    let draft = chain(root, product: product)
    guard let product, let productPlace else {
      emit(
        root, operations: draft.operations, reads: draft.operands.map(\.place),
        writes: draft.outputs.map(\.place),
        chunks: .rows(draft.rows, elementsPerRow: draft.inner * max(1, draft.steps.count / 2))
      ) { locate in
        draft.work(locate)
      }
      return
    }
    lowerProduct(product, place: productPlace, tail: draft)
  }

  /// Whether a product's result is needed by the chain that rides on it only.
  private func isPrivate(_ product: NodeID) -> Bool {
    let group = fusion.tail[product]
    return !isResult[product.index]
      && users[product.index].allSatisfy { fusion.root[$0.index] == group }
  }

  /// A chain before its addresses are fixed.
  struct ChainDraft {
    struct Operand: Hashable {
      var place: Place
      var access: Chain.Access
    }

    var operands: [Operand] = []
    var steps: [Chain.Step] = []
    var outputs: [(place: Place, source: Int)] = []
    var registers = 0
    var rows: Int
    var inner: Int

    var operations: Int { steps.count * rows * inner }

    func located(_ locate: (Place) -> Location) -> Chain {
      Chain(
        operands: operands.map { .init(location: locate($0.place), access: $0.access) },
        steps: steps,
        outputs: outputs.map { .init(location: locate($0.place), source: $0.source) },
        registers: registers, rows: rows, inner: inner)
    }

    /// Whether kernels of their own are looked for.
    var usesPatterns = true
    /// Where the constant 0 lies, if the plan has it.
    var zero: Place?

    func work(_ locate: (Place) -> Location) -> Instruction.Work {
      let chain = located(locate)
      guard usesPatterns else { return .chain(chain) }
      return AdamUpdate(chain).map(Instruction.Work.adam)
        ?? SGDUpdate(chain).map(Instruction.Work.sgd) ?? .chain(chain)
    }

    /// As the tail of the product whose result lies at `result`.
    func tail(of result: Place, _ locate: (Place) -> Location) -> Matmul.Tail {
      let chain = located(locate)
      guard usesPatterns else { return .chain(chain) }
      return AdamUpdate(chain, gradient: locate(result)).map(Matmul.Tail.adam)
        ?? Matmul.Ending(chain, product: locate(result), zero: zero.map(locate))
        .map(Matmul.Tail.ending) ?? .chain(chain)
    }

    /// What the tail will be, before places are laid out.
    func tail(of result: Place) -> Matmul.Tail {
      // Any locations that differ where places do will serve.
      tail(of: result) { place in
        switch place {
        case .state(let offset): Location(region: .state, offset: offset)
        case .constant(let offset): Location(region: .constants, offset: offset)
        case .buffer(let number, let offset):
          Location(region: .arena, offset: number << 40 + offset)
        }
      }
    }
  }

  private mutating func chain(_ root: NodeID, product: NodeID?) -> ChainDraft {
    let members = fusion.members[root] ?? []
    let shape = graph[root].shape
    let isMember = Set(members)
    let external = members.flatMap { graph[$0].inputs }.filter { !isMember.contains($0) }
    let inner = self.inner(of: external, shape, fixed: product.map { _ in shape[-1] })
    let count = shape.count
    var draft = ChainDraft(rows: inner > 0 ? count / inner : 0, inner: inner)
    draft.usesPatterns = options.contains(.patterns)
    draft.zero = knownPlace(ofConstant: 0)
    var registers: [NodeID: Int] = [:]
    for operand in external where registers[operand] == nil {
      let read = self.operand(operand, shape, inner: inner)
      if let known = draft.operands.firstIndex(of: read) {
        registers[operand] = known
      } else {
        registers[operand] = draft.operands.count
        draft.operands.append(read)
      }
    }
    draft.registers = draft.operands.count
    let isOutput = outputs(of: members, isMember, root)
    for member in members {
      let node = graph[member]
      let inputs = node.inputs.map { registers[$0] ?? 0 }
      // A copy within a chain is another name for the same register.
      if node.op.elementwiseCode == EBB_COPY && !isOutput.contains(member) {
        registers[member] = inputs[0]
        continue
      }
      registers[member] = draft.registers
      draft.steps.append(
        Chain.Step(
          operation: UInt16(node.op.elementwiseCode?.rawValue ?? 0),
          target: UInt16(draft.registers), a: UInt16(inputs[0]),
          b: UInt16(inputs.count > 1 ? inputs[1] : inputs[0]),
          c: UInt16(inputs.count > 2 ? inputs[2] : inputs[0])))
      draft.registers += 1
    }
    for member in members where isOutput.contains(member) {
      let place = newPlace(for: member)
      draft.outputs.append((place, registers[member] ?? 0))
      allowReplacement(by: place, in: draft, product: product)
    }
    return draft
  }

  /// The members whose values are needed outside the chain.
  private func outputs(
    of members: [NodeID], _ isMember: Set<NodeID>, _ root: NodeID
  ) -> Set<NodeID> {
    Set(
      members.filter { member in
        member == root || isResult[member.index]
          || users[member.index].contains { !isMember.contains($0) }
      })
  }

  /// The number of inner elements that suits most operands.
  private mutating func inner(of external: [NodeID], _ shape: Shape, fixed: Int?) -> Int {
    if let fixed { return fixed }
    for operand in external {
      switch view(operand).pattern(shape) {
      case .perColumn(let inner), .perRow(let inner): return inner
      case .contiguous, .scalar, nil: continue
      }
    }
    return 1
  }

  /// How the chain reads an operand; a copy of it if strides do not fit.
  private mutating func operand(
    _ id: NodeID, _ shape: Shape, inner: Int
  ) -> ChainDraft.Operand {
    let view = view(id)
    let pattern = view.pattern(shape)
    if let source = place(of: view.source) {
      let place = source.advanced(by: view.offset)
      switch pattern {
      case .contiguous: return .init(place: place, access: .contiguous)
      case .scalar: return .init(place: place, access: .scalar)
      case .perColumn(inner): return .init(place: place, access: .perColumn)
      case .perRow(inner): return .init(place: place, access: .perRow)
      case .perColumn, .perRow, nil: break
      }
    }
    return .init(place: contiguous(id), access: .contiguous)
  }

  /// Lets an output take over the memory of operands that are read at the same elements only.
  private mutating func allowReplacement(
    by output: Place, in draft: ChainDraft, product: NodeID?
  ) {
    var excluded: Set<Int> = []
    for operand in draft.operands where operand.access != .contiguous {
      if let number = operand.place.buffer { excluded.insert(number) }
    }
    for input in product.map({ graph[$0].inputs }) ?? [] {
      // In two statements: as one, the lowering would be copied whole before `view` changes it.
      let source = view(input).source
      if let number = place(of: source)?.buffer { excluded.insert(number) }
    }
    for operand in draft.operands {
      if case .buffer(let number, offset: 0) = operand.place, !excluded.contains(number),
        buffers[number].count == draft.rows * draft.inner
      {
        allow(output, toReplace: number)
      }
    }
  }

  /// Emits a matrix product, with the chain that follows it.
  mutating func lowerProduct(_ id: NodeID, place c: Place, tail given: ChainDraft?) {
    let node = graph[id]
    var tail = given
    // Where somebody else needs the result, what follows stays a chain.
    if !isPrivate(id) { tail?.usesPatterns = false }
    if node.shape.count == 0 { return }
    let (m, n) = (node.shape[-2], node.shape[-1])
    let k = graph[node.inputs[0]].shape[-1]
    let form = ProductForm(tail?.tail(of: c), columns: n, terms: k)
    let result = form.isHidden ? nil : c
    let batch = node.shape.extents.dropLast(2).reduce(1, *)
    let a = matrix(node.inputs[0])
    let b = matrix(node.inputs[1])
    let operations = 2 * batch * m * n * k + (tail?.operations ?? 0)
    let reads = [a.place, b.place] + (tail?.operands.map(\.place).filter { $0 != c } ?? [])
    let writes = (form.isHidden ? [] : [c]) + (tail?.outputs.map(\.place) ?? [])
    emit(
      id, operations: operations, reads: reads, writes: writes,
      chunks: .product(
        m: m, n: n, k: k, batch: batch,
        packsA: ebb_matmul_packs_a(
          Int64(m), Int64(n), Int64(k), Int64(a.row), Int64(a.column)), narrowest: form.narrowest)
    ) { locate in
      .matmul(
        Matmul(
          a: locate(a.place), aRow: a.row, aColumn: a.column, aBatch: a.batch,
          b: locate(b.place), bRow: b.row, bColumn: b.column, bBatch: b.batch,
          c: result.map(locate), m: m, n: n, k: k, batch: batch,
          tail: tail.map { $0.tail(of: c, locate) }))
    }
  }

  /// What a tail asks of its product.
  private struct ProductForm {
    /// The tail takes the result from the registers or a workspace: it has no place of its own.
    var isHidden = false
    /// The fewest columns that a piece should have.
    var narrowest = 16

    init(_ tail: Matmul.Tail?, columns: Int, terms: Int) {
      // Where sums are short, what runs along the rows of a piece wants long ones.
      let long = terms < 512 ? 256 : 16
      switch tail {
      case .chain: narrowest = long
      case .adam: (isHidden, narrowest) = (true, long)
      case .ending(let ending):
        // The columns of a weight are updated by the threads that multiply by them.
        if ending.kind == .descend { narrowest = max(16, min(long, columns / 4)) }
        // Parts of longer sums are kept aside: the gate may lie where the result will.
        isHidden = ending.kind == .descend || terms <= Int(EBB_TERMS)
      case nil: break
      }
    }
  }

  /// A matrix, or several at equal distances, as strides.
  private mutating func matrix(
    _ id: NodeID
  ) -> (place: Place, row: Int, column: Int, batch: Int) {
    let shape = graph[id].shape
    let view = view(id)
    let rank = shape.rank
    // The leading axes must be one run of equal steps.
    var step: Int?
    var isEven = true
    var expected = 0
    for axis in (0..<(rank - 2)).reversed() where shape[axis] != 1 {
      if step == nil {
        step = view.strides[axis]
        expected = view.strides[axis] * shape[axis]
      } else {
        isEven = isEven && view.strides[axis] == expected
        expected *= shape[axis]
      }
    }
    if isEven, let source = place(of: view.source) {
      return (
        source.advanced(by: view.offset), view.strides[rank - 2], view.strides[rank - 1],
        step ?? 0
      )
    }
    return (contiguous(id), shape[-1], 1, shape[-2] * shape[-1])
  }
}

extension Chunks {
  /// Pieces of a matrix product: a multiple of four, of some 6 million operations each; up to sixteen
  /// smaller ones, since threads are seldom equally fast and the faster one should not wait long.
  ///
  /// Cuts between columns are nearly free, down to one panel of 16: each piece reads all of a, which
  /// stays in the second cache. Cuts between rows read b anew for each piece and cost up to a tenth
  /// at 96 rows, a quarter at 12 (measured). So columns are cut first, but not below 512 where the
  /// kernel packs a for each piece, nor below what suits the tail (`narrowest`). Forward product and
  /// update cut a weight alike, so that each share of the threads keeps to its columns.
  static func product(
    m: Int, n: Int, k: Int, batch: Int, packsA: Bool, narrowest: Int
  ) -> Chunks {
    if batch > 1 {
      return Chunks(rows: batch, rowGrain: 1, columns: 1, columnGrain: .max)
    }
    let operations = 2 * m * n * max(k, 1)
    let pieces =
      operations < 4_000_000
      ? max(1, min(8, operations / 150_000))
      : min(64, (max(operations / 6_000_000, min(16, operations / 1_500_000)) + 3) / 4 * 4)
    let narrowest = packsA ? (n >= 1024 ? 512 : 256) : narrowest
    let columns = max(1, min(pieces, n / narrowest))
    let rows = max(1, min((pieces + columns - 1) / columns, m / (pieces > 4 ? 192 : 24)))
    let rowGrain = ((m + rows - 1) / rows + 5) / 6 * 6
    let columnGrain = ((n + columns - 1) / columns + 15) / 16 * 16
    return Chunks(
      rows: max(1, (m + rowGrain - 1) / rowGrain), rowGrain: rows == 1 ? .max : rowGrain,
      columns: max(1, (n + columnGrain - 1) / columnGrain),
      columnGrain: columns == 1 ? .max : columnGrain)
  }
}
