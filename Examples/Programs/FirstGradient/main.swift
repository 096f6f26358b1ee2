// The slope of a function at a point: once by backpropagation, once by trying it out.
import Ebb

print("f = x²: the gradient is 2x")
for x in [-2.0, 0.0, 0.5, 3.0] {
  // The function is written on a tensor, which remembers how its value came about.
  let slope = try gradient(at: NDArray(scalar: x)) { x in x * x }

  // A little to the right, a little to the left: how much does f change per unit of x?
  let h = 1.0 / 1024
  let difference = ((x + h) * (x + h) - (x - h) * (x - h)) / (2 * h)
  print("  x = \(x): gradient \(slope), difference \(difference)")
}

print("f = x² + y²: the gradient is [2x, 2y]")
for point in [[3.0, 4.0], [-1.0, 0.5]] {
  func f(_ v: [Double]) -> Double { v[0] * v[0] + v[1] * v[1] }
  let slopes = try gradient(at: NDArray(point)) { v in sum(v * v) }

  // One number at a time, the other held still.
  let h = 1.0 / 1024
  let differences = [
    (f([point[0] + h, point[1]]) - f([point[0] - h, point[1]])) / (2 * h),
    (f([point[0], point[1] + h]) - f([point[0], point[1] - h])) / (2 * h),
  ]
  print("  at \(point): gradient \(slopes), differences \(NDArray(differences))")
}
