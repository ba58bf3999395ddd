using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.Tracing.Proof;

/// <summary>Finds the first operation whose result in a graph differs from the module's.</summary>
/// <param name="run">A run that held all results.</param>
/// <param name="inputs">The inputs of that run.</param>
internal sealed class StepComparison(Trace run, torch.Tensor[] inputs) : IDisposable
{
    private readonly List<TracedValue> _values = [];

    private readonly Dictionary<int, TracedValue> _held = run.Calls.SelectMany(call => call.Results)
        .Where(value => value.Held is not null).ToDictionary(value => value.Id);

    /// <summary>Declares a result that the graph gives as an output.</summary>
    /// <returns>The output's name.</returns>
    public string Add(TracedValue value)
    {
        _values.Add(value);
        return Name(value);
    }

    /// <summary>Describes the first result that differs; null where none does.</summary>
    public string? FirstDifference(string graph, string[] names, double tolerance)
    {
        using GraphRunner runner = new(graph);
        using var scope = torch.NewDisposeScope();
        foreach (var value in _values.Where(value => _held.ContainsKey(value.Id)).OrderBy(value => value.Id))
        {
            using var actual = runner.Run(names, inputs, [Name(value)]);
            var difference = Difference.Of(actual[0], _held[value.Id].Held!);
            if (!(difference.Relative <= tolerance))
            {
                return UntraceableModuleException.At(
                    value.Call!.Place, $"'{value.Call.Name}' by {difference.Absolute:g3}").Message;
            }
        }

        return null;
    }

    public void Dispose()
    {
        foreach (var value in _held.Values)
        {
            value.Held?.Dispose();
        }
    }

    private static string Name(TracedValue value) => $"/steps/{value.Id}";
}
