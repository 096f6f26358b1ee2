import Foundation
import Testing

@Suite("What the command says on the way")
struct WordingTests {
  @Test(
    "the optimizer by the name it was asked for, with its weight decay",
    arguments: [
      (["--optimizer", "adamw"], "adamw at 0.003, weight decay 0.01\n"),
      (["--optimizer", "adamw", "--weight-decay", "0.2"], "adamw at 0.003, weight decay 0.2\n"),
      (["--optimizer", "sgd", "--weight-decay", "0.1"], "sgd at 0.1, weight decay 0.1\n"),
      (["--optimizer", "nesterov"], "nesterov at "), ([], "adam at 0.003\n"),
    ])
  func optimizer(flags: [String], says text: String) throws {
    let place = try Workplace()
    let outcome = try place.run(
      ["train", Command.example("iris"), "--target", "species", "--epochs", "1"] + flags)
    #expect(outcome.status == 0)
    #expect(outcome.errors.contains("; \(text)"), "\(outcome.errors)")
  }

  @Test("class weights: which losses are weighted, and only then")
  func classWeights() throws {
    let place = try Workplace()
    let train = ["train", Command.example("iris"), "--target", "species", "--epochs", "1"]
    let weighted = try place.run(train + ["--class-weights", "balanced"])
    #expect(weighted.errors.contains("class weights: balanced; the losses of the epochs are"))
    #expect(weighted.output.contains("these losses are without class weights"))
    let plain = try place.run(train)
    #expect(!(plain.errors + plain.output).contains("class weights"))
  }

  @Test("a run that stopped by patience says why more epochs change nothing, and what would")
  func patience() throws {
    let place = try Workplace()
    let trained = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--learning-rate", "0.1",
      "--patience", "2", "--output", "run")
    #expect(trained.errors.contains("stopped after epoch"), "\(trained.errors)")
    let resumed = try place.ebb("resume", "run", "--epochs", "210")
    #expect(resumed.status == 0)
    #expect(resumed.errors.contains("no smaller for 2 epochs (--patience)"), "\(resumed.errors)")
    #expect(resumed.errors.contains("a new run with --patience none or more than 2"))
  }

  @Test("bench shows its defaults and the variable EBB_KERNELS, which must name kernels")
  func bench() throws {
    let place = try Workplace()
    let help = try place.ebb("bench", "--help").output
    for text in ["784-128-10)", "32)", "sgd)", "3000)", "1)", "EBB_KERNELS"] {
      #expect(help.contains(text), "\(help)")
    }
    let outcome = try place.ebb(
      "train", Command.example("iris"), "--target", "species", "--output", "run",
      environment: ["EBB_KERNELS": "nonsense"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("EBB_KERNELS is \"nonsense\""), "\(outcome.errors)")
    #expect(!place.exists("run"))
  }
}
