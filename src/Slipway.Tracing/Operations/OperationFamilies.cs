namespace Slipway.Tracing.Operations;

/// <summary>The families of operations; a new one is a file and a line here.</summary>
internal static class OperationFamilies
{
    public static IEnumerable<Operation> All =>
    [
        .. ElementwiseOperations.All,
        .. ActivationOperations.All,
        .. ArithmeticOperations.All,
        .. ReductionOperations.All,
        .. ShapeOperations.All,
        .. JoiningOperations.All,
        .. IndexingOperations.All,
        .. LinearAlgebraOperations.All,
        .. ConvolutionOperations.All,
        .. PoolingOperations.All,
        .. NormalizationOperations.All,
        .. CreationOperations.All,
        .. EmbeddingOperations.All,
        .. RecurrentOperations.All,
        .. RefusedOperations.All,
    ];
}
