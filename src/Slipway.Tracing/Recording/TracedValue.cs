using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Origins of a recorded tensor.</summary>
internal enum ValueOrigin
{
    /// <summary>An input of the module.</summary>
    Input,

    /// <summary>A parameter or buffer of the module.</summary>
    Parameter,

    /// <summary>A tensor that existed before, or that code made which tracing does not see.</summary>
    Constant,

    /// <summary>A result of a recorded call.</summary>
    Result,
}

/// <summary>A tensor as one run of the module saw it.</summary>
internal sealed class TracedValue
{
    /// <summary>The number of the value in its run; equal numbers of two runs are the same value.</summary>
    public required int Id { get; init; }

    /// <summary>The origin.</summary>
    public required ValueOrigin Origin { get; init; }

    /// <summary>The sizes in this run.</summary>
    public required long[] Shape { get; init; }

    /// <summary>The type of the elements.</summary>
    public required torch.ScalarType Type { get; init; }

    /// <summary>The name of an input or parameter; empty for others.</summary>
    public string Name { get; init; } = "";

    /// <summary>Tells whether elements of an input decide those of this value.</summary>
    public bool DependsOnInput { get; init; }

    /// <summary>The call that gave it, and the index among that call's results.</summary>
    public TracedCall? Call { get; init; }

    /// <summary>The index among the results of the call.</summary>
    public int Output { get; init; }

    /// <summary>The elements, where no input decides them.</summary>
    public torch.Tensor? Held { get; set; }

    /// <summary>A digest of a constant's elements.</summary>
    public string Digest { get; init; } = "";

    /// <summary>The first tensor of the call.</summary>
    public TracedValue? Base { get; init; }

    /// <summary>The value whose memory this one shares; null where it has memory of its own.</summary>
    public TracedValue? ViewOf { get; init; }
}

/// <summary>A number that a module gave to an operation.</summary>
/// <param name="Value">The number.</param>
/// <param name="Type">Its type: Bool, Int64 or Float64.</param>
internal sealed record TracedScalar(double Value, torch.ScalarType Type);

/// <summary>One index of <c>x[…]</c>.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Start">The position, or the first of a range.</param>
/// <param name="Stop">The end of a range.</param>
/// <param name="Step">The step of a range.</param>
/// <param name="Tensor">The positions or the mask.</param>
internal sealed record TracedIndex(IndexKind Kind, long? Start, long? Stop, long? Step, TracedValue? Tensor);

/// <summary>Kinds of an index.</summary>
internal enum IndexKind
{
    /// <summary>All axes that are not named.</summary>
    Ellipsis,

    /// <summary>A new axis of size 1.</summary>
    NewAxis,

    /// <summary>One position; the axis disappears.</summary>
    Position,

    /// <summary>A range of positions.</summary>
    Range,

    /// <summary>Positions or a mask in a tensor.</summary>
    Tensor,

    /// <summary>The truth value true or false.</summary>
    Flag,
}

/// <summary>A recorded call of an operation.</summary>
internal sealed class TracedCall
{
    /// <summary>The place of the call.</summary>
    public required Interception.CallSite Site { get; init; }

    /// <summary>The operation; null for one that nothing is known of.</summary>
    public required Operations.Operation? Operation { get; init; }

    /// <summary>The arguments: values, numbers, lists of them, or other objects as they were.</summary>
    public required object?[] Arguments { get; init; }

    /// <summary>The module in which it ran, and the place in the module's own code.</summary>
    public required TracePlace Place { get; init; }

    /// <summary>The tensors that it gave.</summary>
    public IReadOnlyList<TracedValue> Results { get; set; } = [];

    /// <summary>The name of the operation as TorchSharp has it.</summary>
    public string Name => Site.Callee.Name;
}

/// <summary>A place in a module.</summary>
/// <param name="ModulePath">The path of the module by attribute names; empty at the top.</param>
/// <param name="Site">The innermost call in code that is not TorchSharp's; null before the first.</param>
internal sealed record TracePlace(string ModulePath, Interception.CallSite? Site);

/// <summary>One run of the module.</summary>
/// <param name="Inputs">The inputs, in order.</param>
/// <param name="Calls">The operations, in order.</param>
/// <param name="Outputs">The outputs with their names within the result.</param>
/// <param name="Sizes">The named sizes.</param>
/// <param name="Numbers">The numbers that the module's own code computed with, in order.</param>
internal sealed record Trace(
    IReadOnlyList<TracedValue> Inputs, IReadOnlyList<TracedCall> Calls,
    IReadOnlyList<(string Name, TracedValue Value)> Outputs,
    IReadOnlyDictionary<string, long> Sizes, IReadOnlyList<NumberEvent> Numbers);

/// <summary>A call that is running.</summary>
/// <param name="Call">The call.</param>
/// <param name="Target">The tensor that it is called on, or null.</param>
/// <param name="Storage">The memory of the first tensor among the arguments; 0 without one.</param>
internal sealed record PendingCall(TracedCall Call, torch.Tensor? Target, nint Storage);
