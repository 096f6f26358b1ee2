// An operation whose derivative is wrong on purpose, and the check that catches it.
//
//     swift run -c release WrongDerivative
import Ebb

/// Snake: y = x + sin² x, dy/dx = 1 + 2 sin x cos x (Ziyin et al., 2020).
let right = CustomOperation(
  "snake", value: { x in x[0] + sin(x[0]) * sin(x[0]) },
  derivative: { at, dy, _ in dy * (1 + 2 * sin(at.x[0]) * cos(at.x[0])) })

/// The same with a slip of the pen: the factor 2 is missing. A network with it still trains, only
/// worse, and nothing complains.
let wrong = CustomOperation(
  "snake with a slip", value: { x in x[0] + sin(x[0]) * sin(x[0]) },
  derivative: { at, dy, _ in dy * (1 + sin(at.x[0]) * cos(at.x[0])) })

let points: NDArray<Double> = [-2, -0.7, 0, 0.4, 1.5]
for operation in [right, wrong] {
  print(try operation.check(points), terminator: "\n\n")
}

let caught = try wrong.check(points).verdict.isDisagreement
let passed = try right.check(points).verdict.isAgreement
print("the right one passed: \(passed); the wrong one was caught: \(caught)")
if !(passed && caught) { throw CheckFailed() }

/// The check did not do what it is for.
struct CheckFailed: Error {}
