import Ebb
import TestSupport
import Testing

@Suite struct ModelGradientTests {
  @Test("An element's name is read as it is written")
  func names() throws {
    let weight = try ElementName(parsing: "hidden1.weight[3,7]")
    #expect(weight == ElementName("hidden1.weight", [3, 7]))
    #expect("\(weight)" == "hidden1.weight[3,7]")
    #expect(try ElementName(parsing: "hidden1[ 3, 7 ]") == ElementName("hidden1", [3, 7]))
    #expect(try ElementName(parsing: "scale.factor") == ElementName("scale.factor", []))
    #expect("\(ElementName("scale.factor", []))" == "scale.factor")
    let shape: Shape = [4, 3, 5]
    for offset in 0..<shape.count {
      let name = ElementName("x", offset: offset, in: shape)
      #expect(try name.position(in: shape) == offset)
      #expect(try ElementName(parsing: "\(name)") == name)
    }
  }

  @Test(
    "A malformed name says how to write it",
    arguments: [
      "", "[3]", "hidden1.weight[3", "hidden1.weight3]", "hidden1.weight[3]]", "a[3][4]", "a[]",
      "a[-1]", "a[1.5]", "a[3,]", "a[x]", "a b[3]", "a[99999999999999999999]", "a[3] ",
    ])
  func malformed(_ text: String) throws {
    let error = try #require(throws: ElementNameError.self) { _ = try ElementName(parsing: text) }
    #expect(error.kind == .malformed)
    #expect(error.message.contains("write it like hidden1.weight[3,7]"), "\(error)")
  }

  @Test("Class weights that are not one for each class are refused, not a crash")
  func classWeights() throws {
    let subject = try NoteSubject.of(.digits)
    let (model, batch) = (subject.model, try subject.taking())
    let few = [1.0, 2]
    #expect(throws: ModelError.self) { _ = try model.gradients(on: batch, classWeights: few) }
    #expect(throws: ModelError.self) {
      _ = try model.gradientsInSinglePrecision(on: batch, classWeights: few)
    }
    #expect(throws: ModelError.self) {
      _ = try model.hessianVectorProduct(on: batch, times: [:], classWeights: few)
    }
    #expect(throws: ModelError.self) {
      _ = try model.perExampleGradients(on: batch, classWeights: few)
    }
    #expect(throws: ModelError.self) {
      _ = try model.perExampleGradientNorms(on: batch, classWeights: few)
    }
    #expect(throws: ModelError.self) {
      var wiggler = Wiggler(model, on: batch, classWeights: few)
      _ = try wiggler.wiggle(try ElementName(parsing: "output.bias[0]"))
    }
  }

  @Test("A name that names nothing says what there is")
  func unknown() throws {
    let subject = try NoteSubject.of(.digits)
    func error(_ text: String) throws -> ElementNameError {
      try #require(throws: ElementNameError.self) { _ = try subject.model.parameterElement(text) }
    }
    #expect(try subject.model.parameterElement("hidden1.weight[31,63]").indices == [31, 63])
    let typo = try error("hidden1.wieght[3,7]")
    #expect(typo.kind == .unknown && typo.message.contains("did you mean hidden1.weight?"))
    let axes = try error("hidden1.weight[3]")
    #expect(axes.kind == .axes)
    #expect(
      axes.message
        == "hidden1.weight[3]: hidden1.weight is [32, 64] and takes 2 indices, such as"
        + " hidden1.weight[0,0]")
    let range = try error("hidden1.weight[32,0]")
    #expect(range.kind == .range && range.message.contains("index 32 is out of range"))
    let batch = try subject.taking()
    for (text, kind) in [
      ("hiddn1[3]", ElementNameError.Kind.unknown), ("hidden1[99]", .range),
      ("hidden1[7,0]", .range), ("hidden1[0,0,0]", .axes), ("hidden1", .axes),
    ] {
      let error = try #require(throws: ElementNameError.self) {
        _ = try subject.model.wiggle(text, on: batch)
      }
      #expect(error.kind == kind, "\(text): \(error)")
    }
    let vector = try subject.model.gradients(on: batch).vector
    let error = try #require(throws: ElementNameError.self) {
      _ = try vector.position(of: ElementName("hidden1.activation", [0, 0]))
    }
    #expect(error.kind == .unknown)
  }

  @Test(
    "A model's Hessian-vector product: the gradient's differences to 1e-7, and symmetric",
    arguments: NoteSubject.Kind.allCases)
  func hessianVectorProduct(_ kind: NoteSubject.Kind) throws {
    let subject = try NoteSubject.of(kind)
    let batch = try subject.taking()
    let names = subject.model.parameters.map(\.name)
    func direction(_ seed: UInt64) -> [String: NDArray<Double>] {
      var result: [String: NDArray<Double>] = [:]
      for (index, parameter) in subject.model.parameters.enumerated() {
        let numbers = uniform(parameter.values.count, seed: seed + UInt64(index))
        result[parameter.name] = NDArray(numbers, shape: parameter.values.shape)
      }
      return result
    }
    func dot(_ a: [String: NDArray<Double>], _ b: [String: NDArray<Double>]) throws -> Double {
      try names.reduce(0) { total, name in
        let (x, y) = (try #require(a[name]), try #require(b[name]))
        #expect(x.shape == y.shape)
        return total + zip(x.elements, y.elements).reduce(0) { $0 + $1.0 * $1.1 }
      }
    }
    let (u, v) = (direction(100), direction(200))
    let product = try subject.model.hessianVectorProduct(on: batch, times: u)
    let other = try subject.model.hessianVectorProduct(on: batch, times: v)
    #expect(product.keys.sorted() == names.sorted())
    let (left, right) = (try dot(v, product), try dot(u, other))
    #expect(abs(left - right) < 1e-10 * max(1, abs(left)))

    // Differences of a gradient traced apart.
    let traced = try TracedSubject(subject)
    let slopes = gradients(of: mean(traced.rowLosses), with: traced.parameters)
    let graph = try traced.graph(zip(traced.parameterNames, slopes).map { ($0, $1) })
    func gradient(_ step: Double) throws -> [Double] {
      var inputs = try subject.inputs()
      for (name, part) in u {
        let turned = name.hasSuffix("weight") ? part.transposed() : part
        let values = try #require(inputs[name])
        inputs[name] = NDArray(
          zip(values.elements, turned.elements).map { $0 + step * $1 }, shape: values.shape)
      }
      let found = try evaluate(graph, inputs, indices: subject.indices())
      return try names.flatMap { name in
        let array = try #require(found[name])
        return (name.hasSuffix("weight") ? array.transposed() : array).elements
      }
    }
    let measured = try slope(step: 1e-5, of: gradient)
    let expected = try names.flatMap { try #require(product[$0]).elements }
    let error = deviation(measured, expected)
    #expect(error < 1e-7, "\(error)")

    // A part alone: the others do not move. The product is linear, so the parts add up.
    var sum = [Double](repeating: 0, count: expected.count)
    for name in names {
      let part = try subject.model.hessianVectorProduct(
        on: batch, times: [name: try #require(u[name])])
      let numbers = try names.flatMap { try #require(part[$0]).elements }
      for index in sum.indices { sum[index] += numbers[index] }
    }
    #expect(deviation(sum, expected) < 1e-12)
  }

  @Test("A direction that does not fit is a typed error")
  func directionFaults() throws {
    let subject = try NoteSubject.of(.digits)
    let batch = try subject.taking()
    func message(_ direction: [String: NDArray<Double>]) throws -> String {
      try #require(throws: ModelError.self) {
        _ = try subject.model.hessianVectorProduct(on: batch, times: direction)
      }.message
    }
    #expect(try message(["hidden1.wieght": [[1]]]).contains("did you mean hidden1.weight?"))
    #expect(
      try message(["hidden1.bias": [1, 2]])
        == "the vector's part for hidden1.bias has the shape [2], expected [32]")
    let still = try subject.model.hessianVectorProduct(on: batch, times: [:])
    #expect(still.values.allSatisfy { $0.elements.allSatisfy { $0 == 0 } })
  }
}
