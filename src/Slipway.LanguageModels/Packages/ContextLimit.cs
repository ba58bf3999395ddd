using Slipway.LanguageModels.Proof;
using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Packages;

/// <summary>Finds the longest sequence that a module takes.</summary>
internal static class ContextLimit
{
    /// <summary>The length that is taken where the module has no limit of its own.</summary>
    public const int Default = 2048;

    private const int MinTraced = 8;
    private const int MaxTraced = 16;

    /// <summary>The longest sequence that the module is traced at.</summary>
    /// <exception cref="NotSupportedException">It takes short ones only.</exception>
    public static int Traced(LanguageModule module, int? context)
    {
        var length = Math.Min(MaxTraced, context ?? MaxTraced);
        while (length > MinTraced && !module.Runs(length))
        {
            length--;
        }

        return module.Runs(length) ? length : throw new NotSupportedException(
            $"'{module.Name}' does not run on {length} tokens: {module.Rejection}. A language model takes at least "
            + $"{MinTraced}.");
    }

    /// <summary>Finds the length.</summary>
    /// <param name="module">The module.</param>
    /// <param name="facts">Its graph.</param>
    /// <param name="asked">The length that is asked for; null for the module's own.</param>
    /// <param name="traced">A length that it takes.</param>
    /// <exception cref="ArgumentException">The module does not take the length that is asked for.</exception>
    public static int Find(LanguageModule module, GraphFacts facts, int? asked, int traced)
    {
        if (asked is { } length)
        {
            return module.Runs(length) ? length : throw new ArgumentException(
                $"'{module.Name}' does not run on {length} tokens, the 'ContextLength' that is asked for. Ask for as "
                + $"many as its tables hold; it says: {module.Rejection}.");
        }

        foreach (var table in Tables(facts).Where(size => size >= traced).Order())
        {
            if (!module.Runs(table + 1))
            {
                return table;
            }
        }

        return module.Runs(Default) ? Default : Bisect(module, traced, Default);
    }

    // Axes of constants that values read which follow from sizes alone.
    private static IEnumerable<int> Tables(GraphFacts facts)
        => facts.Graph.Nodes
            .Where(node => !facts[node.Outputs[0]].DependsOnIds
                && node.OpType is ("Gather" or "GatherElements" or "GatherND" or "Slice"))
            .SelectMany(node => node.Inputs)
            .Select(facts.Graph.FindInitializer).OfType<Initializer>()
            .SelectMany(constant => constant.Shape)
            .Where(size => size is > 1 and < int.MaxValue).Select(size => (int)size).Distinct();

    private static int Bisect(LanguageModule module, int runs, int fails)
    {
        while (fails - runs > 1)
        {
            var middle = runs + ((fails - runs) / 2);
            (runs, fails) = module.Runs(middle) ? (middle, fails) : (runs, middle);
        }

        return runs;
    }
}
