using Slipway.Tracing.Interception;
using Slipway.Tracing.Operations;
using TorchSharp;

namespace Slipway.Tracing.Recording;

/// <summary>Gives new values to the tensors that see a write into memory which they share.</summary>
/// <remarks>
/// A write into a view becomes a new view, from which its base is rebuilt. The other views are taken anew.
/// <code>
/// y.narrow(1, 0, 2).mul_(3)   →   part = mul(narrow(y), 3);  y' = y with part in place of narrow(y)
/// </code>
/// </remarks>
internal sealed class SharedMemory(Func<int> nextId, Action<TracedCall> record)
{
    /// <summary>Finds the new values.</summary>
    /// <param name="writer">The call that wrote.</param>
    /// <param name="before">The value of the tensor that was written into.</param>
    /// <param name="after">The value that it has now.</param>
    /// <param name="others">The other tensors on that memory, with their values until now.</param>
    /// <returns>The new values; null for a tensor whose relation to the memory is not known.</returns>
    public IReadOnlyDictionary<torch.Tensor, TracedValue?> Renew(
        TracedCall writer, TracedValue before, TracedValue after,
        IReadOnlyList<(torch.Tensor Tensor, TracedValue Value)> others)
    {
        Dictionary<TracedValue, TracedValue> renewed = new() { [before] = after };
        for (var (part, value) = (before, after); part.ViewOf is { } whole; (part, value) = (whole, renewed[whole]))
        {
            renewed[whole] = Rebuild(writer, part, whole, value);
        }

        Dictionary<torch.Tensor, TracedValue?> result = new(ReferenceEqualityComparer.Instance);
        foreach (var (tensor, value) in others)
        {
            result[tensor] = View(value, renewed);
            if (result[tensor] is { DependsOnInput: false } settled && !tensor.IsInvalid)
            {
                settled.Held = TensorMemory.Hold(tensor);
            }
        }

        return result;
    }

    // The whole with the part written over those of its elements that the part's call took.
    private TracedValue Rebuild(TracedCall writer, TracedValue part, TracedValue whole, TracedValue value)
        => Record(writer.Site, ViewWriting.Row, [whole, value, part.Call, (long)part.Output], writer.Place, whole)[0];

    private TracedValue? View(TracedValue value, Dictionary<TracedValue, TracedValue> renewed)
    {
        if (renewed.TryGetValue(value, out var known))
        {
            return known;
        }

        if (value.ViewOf is not { } whole || View(whole, renewed) is not { } root)
        {
            return null;
        }

        var call = value.Call!;
        object?[] arguments =
            [.. call.Arguments.Select(argument => ReferenceEquals(argument, whole) ? root : argument)];
        var results = Record(call.Site, call.Operation!, arguments, call.Place, [.. call.Results]);
        for (var index = 0; index < results.Count; index++)
        {
            renewed.TryAdd(call.Results[index], results[index]);
        }

        return renewed[value];
    }

    private List<TracedValue> Record(
        CallSite site, Operation operation, object?[] arguments, TracePlace place, params TracedValue[] forms)
    {
        TracedCall call = new() { Site = site, Operation = operation, Arguments = arguments, Place = place };
        var values = Recorder.Values(call).ToArray();
        List<TracedValue> results = [];
        foreach (var form in forms)
        {
            results.Add(new TracedValue
            {
                Id = nextId(), Origin = ValueOrigin.Result, Shape = form.Shape, Type = form.Type, Call = call,
                Output = results.Count, DependsOnInput = Array.Exists(values, value => value.DependsOnInput),
                Base = values[0], ViewOf = operation.IsView ? values[0] : null,
            });
        }

        call.Results = results;
        record(call);
        return results;
    }
}
