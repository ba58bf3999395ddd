using Slipway.Tracing.Interception;

namespace Slipway.Tracing.Recording;

/// <summary>Records the numbers that a module's own code computes with in one run.</summary>
internal sealed class NumberLog
{
    // A place that computes with more numbers does so over elements of its own tables.
    private const int MaxOfPlace = 2048;
    private const int MaxEvents = 200_000;
    private readonly List<NumberEvent> _events = [];
    private readonly Dictionary<NumberSite, int> _counts = [];

    /// <summary>The numbers, in order.</summary>
    public IReadOnlyList<NumberEvent> Events => _events;

    /// <summary>Adds two numbers.</summary>
    public void Add(NumberSite site, double left, double right) => Add(new NumberEvent(site, left, right));

    /// <summary>Adds what a function is given, or an element's array and position.</summary>
    public void Add(NumberSite site, object?[] arguments)
        => Add(new NumberEvent(site, 0, 0) { Arguments = arguments });

    /// <summary>Adds the numbers that a method of the framework is given.</summary>
    public void Add(CallSite site, object?[] arguments)
    {
        foreach (var item in NumberCalls.Read(site, arguments))
        {
            Add(item);
        }
    }

    /// <summary>Adds the bounds of parts that torch cuts where the tensor ends.</summary>
    public void Add(TracedCall call)
    {
        if (call.Arguments is not [TracedValue { Shape: var shape }, ..])
        {
            return;
        }

        var part = 0;
        if (call.Arguments is [_, TracedIndex[] indices, ..])
        {
            var axis = 0;
            for (var at = 0; at < indices.Length; at++)
            {
                var index = indices[at];
                if (index.Kind == IndexKind.Ellipsis)
                {
                    axis = shape.Length - indices.Skip(at + 1).Count(rest => rest.Kind != IndexKind.NewAxis);
                }
                else if (index.Kind != IndexKind.NewAxis)
                {
                    Bound(call.Site, ref part, index.Start, shape, axis);
                    Bound(call.Site, ref part, index.Stop, shape, axis);
                    axis++;
                }
            }
        }
        else if (call.Name is "slice" or "split" or "unsafe_split" or "tensor_split" or "chunk"
            && call.Arguments is [_, .. var rest])
        {
            foreach (var number in rest.OfType<long>())
            {
                for (var axis = 0; axis < shape.Length; axis++)
                {
                    Bound(call.Site, ref part, number, shape, axis);
                }
            }
        }
    }

    private void Bound(CallSite site, ref int part, long? bound, long[] shape, int axis)
    {
        if (bound is { } position && axis < shape.Length && position is > int.MinValue and < int.MaxValue)
        {
            NumberSite place = new(site.Caller, site.Offset, NumberOperation.Compare, false)
            {
                Part = part++, IsBound = true,
            };
            Add(place, position < 0 ? -position : position, shape[axis]);
        }
    }

    private void Add(NumberEvent item)
    {
        var count = _counts.GetValueOrDefault(item.Site);
        if (count < MaxOfPlace && _events.Count < MaxEvents)
        {
            _counts[item.Site] = count + 1;
            _events.Add(item);
        }
    }
}
