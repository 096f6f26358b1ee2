import Foundation
import Testing

/// A mistake, and what the command says to it.
struct Mistake: Sendable, CustomTestStringConvertible {
  let arguments: [String]
  let status: Int32
  let message: String

  init(_ arguments: String..., status: Int32, says message: String) {
    self.arguments = arguments
    self.status = status
    self.message = message
  }

  var testDescription: String { arguments.joined(separator: " ") }
}

@Suite("Mistakes")
struct BadInputTests {
  /// Files that mistakes are made with.
  static let files = [
    "empty.csv": "", "header.csv": "a,b\n", "ragged.csv": "a,b\n1,2\n3\n",
    "quote.csv": "a,b\n1,\"2\n3,4\n", "one.csv": "a,b\n1,x\n2,x\n3,x\n",
    "missing.csv": "a,b,c\n" + (0..<20).map { "\($0),,\($0 % 2 == 0 ? "x" : "y")\n" }.joined(),
    "text.csv": "hello\n",
  ]

  static let mistakes: [Mistake] = {
    let iris = Command.example("iris")
    func train(_ flags: String..., status: Int32 = 2, says message: String) -> Mistake {
      Mistake(
        arguments: ["train", iris, "--target", "species"] + flags, status: status, says: message)
    }
    return [
      Mistake(
        "train", "nope.csv", "--target", "b", status: 1, says: "nope.csv: cannot read: no such file"
      ),
      Mistake(
        "train", "directory", "--target", "b", status: 1,
        says: "directory: cannot read: it is a dir"),
      Mistake(
        "train", "empty.csv", "--target", "b", status: 1, says: "empty.csv: the file is empty"),
      Mistake("train", "header.csv", "--target", "b", status: 1, says: "no rows"),
      Mistake(
        "train", "ragged.csv", "--target", "b", status: 1,
        says: "ragged.csv:3:1: the row has 1 field"),
      Mistake("train", "quote.csv", "--target", "b", status: 1, says: "quote.csv:2:3: the quote"),
      Mistake("train", "one.csv", "--target", "b", status: 1, says: "one class only"),
      Mistake(
        "train", "missing.csv", "--target", "c", status: 1, says: "\"b\" has no value in any row"),
      Mistake("train", iris, "--target", "specis", status: 2, says: "did you mean \"species\"?"),
      Mistake("train", iris, status: 2, says: "--target"),
      Mistake("train", "-", "--target", "b", status: 2, says: "standard input"),
      Mistake("trian", iris, status: 2, says: "did you mean train?"),
      train("--batch", "0", says: "or full"), train("--batch", "-1", says: "or full"),
      train("--epochs", "-5", says: "1 or more"), train("--patience", "-1", says: "or none"),
      train("--dropout", "-1", says: "0 to below 1"),
      train("--learning-rate", "-1", says: "more than 0"),
      train("--weight-decay", "-1", says: "0 or more"),
      train("--epochs", "0", says: "1 or more"), train("--epochs", "1e3", says: "1 or more"),
      train("--activation", "rellu", says: "did you mean relu?"),
      train("--optimizer", "adm", says: "did you mean adam?"),
      train("--loss", "squared-eror", says: "did you mean squared-error?"),
      train("--loss", "squared-error", says: "does not fit 3 classes"),
      train("--loss", "huber:-1", says: "expected more than 0"),
      train("--schedule", "cosin", says: "did you mean cosine?"),
      train("--split", "nonsense", says: "--split"),
      train("--split", "70/20/20", says: "adds up to 110"),
      train("--hidden", "0", says: "the width of each hidden layer"),
      train("--hidden", "abc", says: "the width of each hidden layer"),
      train("--hidden", "8,", says: "the width of each hidden layer"),
      train("--dropout", "1", says: "0 to below 1"),
      train("--learning-rate", "0", says: "more than 0"),
      train("--threads", "0", says: "1 to 256"), train("--seed", "-3", says: "from 0 to"),
      train("--fail-under", "acuracy=0.9", says: "did you mean accuracy?"),
      train("--fail-under", "rmse=3", says: "this is classification"),
      train("--fail-under", "accuracy", says: "METRIC=VALUE"),
      train("--fail-under", "accuracy=90", says: "from 0 to 1, such as accuracy=0.9"),
      train("--fail-under", "r2=1.5", says: "at most 1"),
      train("--fail-under", "rmse=-1", says: "never less than 0"),
      train("--ignore", "sepal", says: "there is no column \"sepal\""),
      train("--task", "clasification", says: "did you mean classification?"),
      train("--task", "regression", status: 1, says: "regression needs numbers"),
      train("--network", "nope.json", status: 1, says: "nope.json: cannot read"),
      train("--network", "text.csv", status: 1, says: "text.csv: "),
      train("--network", "text.csv", "--hidden", "3", says: "--network gives all layers"),
      train("--output", "directory", status: 1, says: "directory: the directory is not empty"),
      train("--output", "directory", "--force", status: 1, says: "holds no run"),
      train("--output", "text.csv", status: 1, says: "this is a file"),
      train("--name", "a/b", says: "--name"), train("--force", says: "--force"),
      train("--quiet", "--verbose", says: "exclude each other"),
      Mistake("evaluate", "nope.ebb", iris, status: 1, says: "nope.ebb: cannot read: no such file"),
      Mistake("evaluate", "text.csv", iris, status: 1, says: "text.csv: the file has only 6 bytes"),
      Mistake("evaluate", "directory", iris, status: 1, says: "this directory is no run"),
      Mistake("evaluate", "nope.ebb", status: 2, says: "--split test"),
      Mistake("predict", "nope.ebb", iris, status: 1, says: "nope.ebb: cannot read"),
      Mistake("predict", iris, iris, status: 1, says: "MODEL comes first, then DATA"),
      Mistake("resume", "directory", status: 1, says: "this is no run"),
      Mistake("resume", "directory", "--epochs", "-5", status: 2, says: "1 or more"),
      Mistake("bench", "--steps", "-5", status: 2, says: "1 or more"),
    ]
  }()

  @Test("the error, the exit status, and nothing left behind", arguments: mistakes)
  func mistake(_ mistake: Mistake) throws {
    let place = try Workplace()
    for (name, text) in Self.files { try place.write(text, to: name) }
    try FileManager.default.createDirectory(
      atPath: "\(place.path)/directory/inside", withIntermediateDirectories: true)
    let before = place.files
    let outcome = try place.run(mistake.arguments)
    #expect(outcome.status == mistake.status, "\(outcome.errors)")
    #expect(outcome.errors.hasPrefix("error: "), "\(outcome.errors)")
    #expect(outcome.errors.contains(mistake.message), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(place.files == before)
  }

  @Test("models that cannot be used, and outputs that cannot be written")
  func models() throws {
    let place = try Workplace()
    let iris = Command.example("iris")
    let trained = try place.ebb(
      "train", iris, "--target", "species", "--epochs", "2", "--output", "run", "--quiet")
    #expect(trained.status == 0)
    let again = try place.ebb("train", iris, "--target", "species", "--output", "run")
    #expect(again.status == 1)
    #expect(again.errors.contains("run: there is a run already"))
    let model = try place.bytes("run/model.ebb")
    try model.dropLast(40).write(to: URL(fileURLWithPath: "\(place.path)/cut.ebb"))
    let cut = try place.ebb("predict", "cut.ebb", iris)
    #expect(cut.status == 1)
    #expect(cut.errors.contains("cut.ebb: ") && cut.errors.contains("cut short"))
    try place.write("sepal_length,sepal_width,petal_lenght,petal_width\n1,2,3,4\n", to: "less.csv")
    let less = try place.ebb("predict", "run", "less.csv")
    #expect(less.status == 1)
    #expect(less.errors.contains("\"petal_length\"") && less.errors.contains("did you mean"))
    #expect(less.output.isEmpty)
    if FileManager.default.fileExists(atPath: "/dev/full") {
      let full = try place.ebb("predict", "run", iris, "--output", "/dev/full")
      #expect(full.status == 1)
      #expect(full.errors.contains("no space left"))
    }
    let part = try place.ebb("evaluate", "run/model.ebb", "--split", "test")
    #expect(part.status == 2)
    let both = try place.ebb("predict", "run", iris, "--output", "nowhere/p.csv")
    #expect(both.status == 1)
    #expect(!place.exists("nowhere"))
  }

  @Test("help and version go to standard output")
  func help() throws {
    let place = try Workplace()
    for arguments in [
      ["--help"], ["train", "--help"], ["help", "predict"], ["bench", "--help"], ["--version"], [],
    ] {
      let outcome = try place.run(arguments)
      #expect(outcome.status == 0)
      #expect(!outcome.output.isEmpty && outcome.errors.isEmpty)
      #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
  }
}

extension Mistake {
  init(arguments: [String], status: Int32, says message: String) {
    self.arguments = arguments
    self.status = status
    self.message = message
  }
}
