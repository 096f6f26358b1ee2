// Whoever imports Ebb writes with the tensors, shapes and arrays of EbbGraph.
@_exported public import EbbGraph
