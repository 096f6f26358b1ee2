import Ebb
import EbbSystem
import TestSupport
import Testing

/// M22: equal to scikit-learn's on the same predictions.
@Suite struct MetricsTests {
  @Test func classificationEqualsScikitLearn() throws {
    for reference in try Reference(file: "metrics")["classification"].list {
      let name = try reference["name"].text
      let names = (0..<(try reference["classes"].integer)).map { "class \($0)" }
      let metrics = try ClassificationMetrics(
        classes: names, truth: try reference["labels"].integers,
        predicted: try reference["predictions"].integers)
      #expect(metrics.count == (try reference["rows"].integer), "\(name)")
      #expect(metrics.accuracy == (try reference["accuracy"].number), "\(name)")
      #expect(metrics.confusion == (try reference["confusion"].list.map { try $0.integers }))
      #expect(metrics.perClass.map(\.count) == (try reference["perClassCount"].integers))
      let recalls = try reference["perClassRecall"].list.map { $0.isNull ? nil : try $0.number }
      #expect(metrics.perClass.map { $0.accuracy == nil } == recalls.map { $0 == nil }, "\(name)")
      // scikit-learn's own quotients are off by a unit in the last place here and there.
      let shares = metrics.perClass.map { $0.accuracy ?? 0 }
      #expect(difference(shares, recalls.map { $0 ?? 0 }) < 1e-15, "\(name)")
    }
  }

  @Test("Of 100,000 classes only the pairs that occurred are kept and written")
  func manyClasses() throws {
    let count = 100_000
    let truth = [0, 7, 7, count - 1, 7]
    let metrics = try ClassificationMetrics(
      classes: (0..<count).map(String.init), truth: truth, predicted: [0, 3, 7, 7, 3])
    #expect(
      metrics.confusionPairs.map { [$0.truth, $0.predicted, $0.count] }
        == [[0, 0, 1], [7, 3, 2], [7, 7, 1], [count - 1, 7, 1]])
    #expect(metrics.correct == 2 && metrics.count == 5)
    let seven = metrics.perClass[7]
    #expect([seven.count, seven.correct, seven.named] == [3, 1, 2])
    #expect(metrics.mostConfused(2) == [3, 7])
    #expect(metrics.mistakes.map(\.count) == [2, 1])
    let json = JSONField(Metrics.classification(metrics).json)
    #expect(try json.optionalMember("confusion") == nil)
    let pairs = try json.member("confusionPairs").elements().map { pair in
      try pair.elements().map { try $0.integer() }
    }
    #expect(pairs == [[0, 0, 1], [7, 3, 2], [7, 7, 1], [count - 1, 7, 1]])
  }

  @Test("Up to 100 classes the matrix is written in full", arguments: [2, 100, 101])
  func matrix(count: Int) throws {
    let metrics = try ClassificationMetrics(
      classes: (0..<count).map(String.init), truth: [0, 1, 1], predicted: [0, 0, 1])
    let json = JSONField(Metrics.classification(metrics).json)
    let matrix = try json.optionalMember("confusion")?.elements().map { row in
      try row.elements().map { try $0.integer() }
    }
    #expect(matrix == (count <= 100 ? metrics.confusion : nil))
    #expect(metrics.confusion[1].prefix(2) == [1, 1])
  }

  /// To 1e-12; where scikit-learn must be told not to make R² finite, ours is nil.
  @Test func regressionEqualsScikitLearn() throws {
    for reference in try Reference(file: "metrics")["regression"].list {
      let name = try reference["name"].text
      let outputs = (0..<(try reference["outputs"].integer)).map { "y\($0)" }
      let metrics = try RegressionMetrics(
        outputs: outputs, truth: try reference["targets"].matrix.elements,
        predicted: try reference["predictions"].matrix.elements)
      #expect(metrics.count == (try reference["rows"].integer), "\(name)")
      let found = [metrics.rmse, metrics.mae] + metrics.perOutput.flatMap { [$0.rmse, $0.mae] }
      let each = zip(
        try reference["perOutputRMSE"].numbers, try reference["perOutputMAE"].numbers)
      let expected =
        [try reference["rmse"].number, try reference["mae"].number] + each.flatMap { [$0, $1] }
      #expect(difference(found, expected) < 1e-12, "\(name)")
      let honest = try #require(Double(try reference["r2WithoutForceFinite"].text))
      if honest.isFinite {
        let r2 = try metrics.perOutput.map { try #require($0.r2) }
        #expect(difference(r2, try reference["perOutputR2"].numbers) < 1e-12, "\(name)")
        #expect(difference([try #require(metrics.r2)], [honest]) < 1e-12, "\(name)")
      } else {
        #expect(metrics.r2 == nil && metrics.perOutput[0].r2 == nil, "\(name)")
      }
    }
  }

  @Test func figuresAndJSON() throws {
    let classes = Metrics.classification(
      try ClassificationMetrics(
        classes: ["a", "b", "c"], truth: [0, 0, 1, 1], predicted: [0, 1, 1, 2]))
    #expect(
      JSONWriter.text(classes.json)
        == #"{"accuracy":0.5,"perClass":[{"class":"a","accuracy":0.5,"count":2},"#
        + #"{"class":"b","accuracy":0.5,"count":2},{"class":"c","accuracy":null,"count":0}],"#
        + #""confusion":[[1,1,0],[0,1,1],[0,0,0]]}"#)
    #expect(classes.accuracy == 0.5 && classes["rmse"] == nil && classes.r2 == nil)
    #expect(classes["accuracy"]?.reaches(0.5) == true && classes["accuracy"]?.reaches(0.6) == false)
    let numbers = Metrics.regression(
      try RegressionMetrics(outputs: ["y"], truth: [1, 3], predicted: [1, 1]))
    #expect(
      JSONWriter.text(numbers.json) == #"{"rmse":1.4142135623730951,"mae":1.0,"r2":-1.0}"#)
    #expect(numbers["rmse"]?.reaches(1.5) == true && numbers["rmse"]?.reaches(1.4) == false)
    #expect(numbers["r2"]?.reaches(-1) == true && numbers["r2"]?.reaches(0) == false)
    let constant = Metrics.regression(
      try RegressionMetrics(outputs: ["y"], truth: [0.1, 0.1, 0.1], predicted: [0.1, 0.1, 0.1]))
    #expect(constant.r2 == nil && constant["r2"]?.reaches(0) == false)
    #expect(JSONWriter.text(constant.json) == #"{"rmse":0.0,"mae":0.0,"r2":null}"#)
  }

  @Test func refusesWhatDoesNotFit() {
    #expect(throws: MetricsError.self) {
      try ClassificationMetrics(classes: ["a"], truth: [], predicted: [])
    }
    #expect(throws: MetricsError.self) {
      try ClassificationMetrics(classes: ["a"], truth: [0], predicted: [1])
    }
    #expect(throws: MetricsError.self) {
      try ClassificationMetrics(classes: ["a"], truth: [0, 0], predicted: [0])
    }
    #expect(throws: MetricsError.self) {
      try RegressionMetrics(outputs: ["a", "b"], truth: [1, 2, 3], predicted: [1, 2, 3])
    }
    #expect(throws: MetricsError.self) {
      try RegressionMetrics(outputs: ["a"], truth: [], predicted: [])
    }
    #expect(throws: MetricsError.self) {
      try RegressionMetrics(outputs: [], truth: [], predicted: [])
    }
  }
}
