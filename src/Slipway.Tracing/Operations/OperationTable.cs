using System.Reflection;
using Slipway.Onnx;

namespace Slipway.Tracing.Operations;

/// <summary>An operation of TorchSharp and the nodes that compute it.</summary>
/// <param name="Name">The name, with the class: <c>Tensor.add</c>.</param>
/// <param name="Emit">Adds its nodes; null for one that is refused.</param>
/// <param name="Refusal">The reason, and what to do instead; null for one that is supported.</param>
/// <param name="IsView">Tells whether the result is the first tensor in another arrangement.</param>
internal sealed record Operation(
    string Name, Func<OperationCall, IReadOnlyList<GraphValue>>? Emit, string? Refusal, bool IsView)
{
    /// <summary>Tells whether the row counts only for members that call libtorch themselves.</summary>
    public bool IsNativeOnly { get; init; }

    /// <summary>Tells whether the row counts only where an input decides the result.</summary>
    public bool IsOnlyForInputs => Refusal is { } reason && RefusedOperations.OnlyForInputs.Contains(reason);
}

/// <summary>The operations that are recorded, by the members of TorchSharp that perform them.</summary>
/// <remarks>
/// Overloads share a row: emitters read arguments by the names of parameters. A member whose name ends in an underscore
/// has the row of the one without.
/// </remarks>
internal sealed class OperationTable
{
    /// <summary>The reason why a tensor's elements cannot be read.</summary>
    public const string Reading =
        "It reads the elements of a tensor that depends on an input, and a graph has no such numbers. Compute with "
        + "tensors ('where', comparisons), pass the number as an argument, or, where it only reports, set "
        + "'OnnxModuleOptions.AllowReadingValues'.";

    private readonly Dictionary<string, Operation> _rows;
    private readonly Dictionary<MethodBase, Operation> _added;
    private readonly Dictionary<MethodBase, Operation?> _found = [];

    public OperationTable(IEnumerable<Operation> rows, IReadOnlyDictionary<MethodBase, Operation> added)
    {
        _rows = rows.ToDictionary(row => row.Name, StringComparer.Ordinal);
        _added = new(added);
    }

    /// <summary>The rows.</summary>
    public IReadOnlyCollection<Operation> Rows => _rows.Values;

    /// <summary>Finds the row of a member; null where there is none.</summary>
    public Operation? Find(MethodBase method)
    {
        lock (_found)
        {
            if (!_found.TryGetValue(method, out var row))
            {
                _found.Add(method, row = Search(method));
            }

            return row;
        }
    }

    /// <summary>Tells whether a member changes the tensor that it is called on.</summary>
    public static bool Writes(MethodBase method)
        => Interception.TorchMembers.IsTensor(method.DeclaringType!)
            && (method.Name is "set_TensorItems" or "set_bytes" || (method.Name.EndsWith('_') && !method.IsStatic));

    /// <summary>The name of a member in the table: the innermost class and the method.</summary>
    public static string NameOf(MethodBase method)
    {
        var type = method.DeclaringType!.Name;
        var tick = type.IndexOf('`', StringComparison.Ordinal);
        return $"{(tick < 0 ? type : type[..tick])}.{method.Name}";
    }

    private Operation? Search(MethodBase method)
    {
        var definition = method is MethodInfo { IsGenericMethod: true } generic
            ? generic.GetGenericMethodDefinition() : method;
        if (_added.TryGetValue(definition, out var added))
        {
            return added;
        }

        if (method.DeclaringType is null || !Interception.CallPolicy.IsTorch(method.DeclaringType.Assembly))
        {
            return null;
        }

        var name = NameOf(method);
        var row = _rows.GetValueOrDefault(name)
            ?? (Writes(method) && name.EndsWith('_') ? _rows.GetValueOrDefault(name[..^1]) : null);
        return row is { IsNativeOnly: true } && !Interception.TorchMembers.CallsNative(method) ? null : row;
    }
}
