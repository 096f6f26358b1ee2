// Whoever imports Ebb sees all floors that are for users.
@_exported public import EbbAudit
@_exported public import EbbChecking
@_exported public import EbbData
@_exported public import EbbEvaluation
@_exported public import EbbExplanations
@_exported public import EbbGradients
@_exported public import EbbGraph
@_exported public import EbbNetworks
@_exported public import EbbNumerics
@_exported public import EbbTraining
