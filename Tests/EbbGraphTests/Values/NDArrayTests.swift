import EbbGraph
import Testing

@Suite struct NDArrayTests {
  @Test("literals, indices, reshaping, transposing")
  func basics() {
    var x: NDArray<Double> = [[1, 2, 3], [4, 5, 6]]
    #expect(x.shape == [2, 3] && x.count == 6)
    #expect(x[1, 0] == 4)
    x[1, 0] = -4
    #expect(x.elements == [1, 2, 3, -4, 5, 6])
    #expect(x.transposed() == [[1, -4], [2, 5], [3, 6]])
    #expect(x.reshaped(to: [3, 2]) == [[1, 2], [3, -4], [5, 6]])
    #expect(x.map { Int32($0) } == [[1, 2, 3], [-4, 5, 6]] as NDArray<Int32>)
    let single: NDArray<Double> = 2.5
    #expect(single.shape == .scalar && single.scalar == 2.5)
    let deep: NDArray<Int32> = [[[1], [2]], [[3], [4]], [[5], [6]]]
    #expect(deep.shape == [3, 2, 1] && deep[2, 1, 0] == 6)
    let empty: NDArray<Double> = []
    #expect(empty.shape == [0])
  }

  /// The right sides are what `print(numpy.array(…))` writes (NumPy 2).
  @Test("prints as NumPy does")
  func printing() {
    let cases: [(NDArray<Double>, String)] = [
      ([1, 2, 3], "[1. 2. 3.]"),
      ([0.1, 0.25, -3], "[ 0.1   0.25 -3.  ]"),
      ([[1.5, 2.25], [-3, 0]], "[[ 1.5   2.25]\n [-3.    0.  ]]"),
      (
        [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
        "[[[1. 2.]\n  [3. 4.]]\n\n [[5. 6.]\n  [7. 8.]]]"
      ),
      (3, "3.0"), (0.5, "0.5"), ([], "[]"), ([-0.0, 10], "[-0. 10.]"),
      ([NDArray(scalar: 1.0 / 3), NDArray(scalar: 2.0 / 3)], "[0.33333333 0.66666667]"),
      ([NDArray(scalar: Double.nan), 1], "[nan  1.]"),
      ([NDArray(scalar: -Double.infinity), 1.5], "[-inf  1.5]"),
      ([NDArray(scalar: Double.infinity), 12.25, -1], "[  inf 12.25 -1.  ]"),
    ]
    for (array, text) in cases { #expect(array.description == text) }
    #expect(([[1, -20], [3, 4]] as NDArray<Int32>).description == "[[  1 -20]\n [  3   4]]")
    #expect(([0.1, 2] as NDArray<Float>).description == "[0.1 2. ]")
    let long = NDArray<Int32>((0..<2000).map { Int32($0) })
    #expect(long.description == "[   0    1    2 ... 1997 1998 1999]")
    #expect(
      long.reshaped(to: [1000, 2]).description == """
        [[   0    1]
         [   2    3]
         [   4    5]
         ...
         [1994 1995]
         [1996 1997]
         [1998 1999]]
        """)
  }

  @Test("shapes: counts, negative axes, strides, text")
  func shapes() {
    let shape: Shape = [2, 3, 4]
    #expect(shape.rank == 3 && shape.count == 24 && shape[-1] == 4 && shape[0] == 2)
    #expect(shape.strides == [12, 4, 1])
    #expect("\(shape)" == "[2, 3, 4]" && "\(Shape.scalar)" == "[]")
    #expect(Shape.scalar.count == 1 && Shape([3, 0]).count == 0)
    #expect(shape.removing(axes: [1]) == [2, 4] && shape.keeping(axes: [0, 2]) == [1, 3, 1])
    #expect(Shape.broadcast([3, 1], [4]) == [3, 4] && Shape.broadcast([3], [4]) == nil)
  }
}
