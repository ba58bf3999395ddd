using Slipway.Onnx;

namespace Slipway.Tracing.Operations;

/// <summary>Makes rows of the table of operations.</summary>
internal static class Rows
{
    /// <summary>An operation with one result.</summary>
    public static Operation Row(string name, Func<OperationCall, GraphValue> emit)
        => new(name, call => [emit(call)], null, IsView: false);

    /// <summary>An operation with several results.</summary>
    public static Operation Several(string name, Func<OperationCall, IReadOnlyList<GraphValue>> emit)
        => new(name, emit, null, IsView: false);

    /// <summary>An operation whose result is its first tensor in another arrangement.</summary>
    public static Operation View(string name, Func<OperationCall, GraphValue> emit)
        => new(name, call => [emit(call)], null, IsView: true);

    /// <summary>The same operation under several names.</summary>
    public static IEnumerable<Operation> Same(
        IEnumerable<string> names, Func<OperationCall, GraphValue> emit, bool isView = false)
        => names.Select(name => new Operation(name, call => [emit(call)], null, isView));

    /// <summary>The same operation with several results under several names.</summary>
    public static IEnumerable<Operation> SameSeveral(
        IEnumerable<string> names, Func<OperationCall, IReadOnlyList<GraphValue>> emit)
        => names.Select(name => new Operation(name, emit, null, IsView: false));

    /// <summary>Operations that are refused for one reason.</summary>
    public static IEnumerable<Operation> Refused(string reason, params IEnumerable<string> names)
        => names.Select(name => new Operation(name, null, reason, IsView: false)
        {
            IsNativeOnly = reason != OperationTable.Reading,
        });

    /// <summary>The only tensor of most operations.</summary>
    public static TracedTensor Subject(this OperationCall call) => call.Tensor("this", "input", "x", "self", "tensor");
}
