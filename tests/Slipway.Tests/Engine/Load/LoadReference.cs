using System.Numerics.Tensors;
using Slipway.Sampling;

namespace Slipway.Tests.Engine.Load;

/// <summary>Knows what each case is answered with alone, and by how much.</summary>
internal sealed class LoadReference : IDisposable
{
    private readonly LanguageModel _model;
    private readonly Dictionary<LoadCase, int[]> _answers = [];

    private LoadReference(string package) => _model = LanguageModel.Load(
        package, new() { PrefixCacheBytes = 0, Threads = 1, TimeProvider = new ManualTime() });

    public static async Task<LoadReference> CreateAsync(string package, IEnumerable<LoadCase> cases)
    {
        var reference = new LoadReference(package);
        foreach (var one in cases)
        {
            var tokens = await reference._model.CollectAsync(one.Request(LoadCase.LongestAnswer));
            reference._answers.Add(one, [.. tokens.Select(token => token.Id)]);
        }

        return reference;
    }

    /// <summary>The answer alone.</summary>
    public int[] this[LoadCase one] => _answers[one];

    /// <summary>How far the choice of a token was from falling on another one, in logits or in probability.</summary>
    public async Task<double> MarginAsync(LoadCase one, int position, int other)
    {
        int[] before = [.. one.Prompt, .. _answers[one][..position]];
        var all = await _model.ForwardAsync(before, one.Adapter);
        var logits = all[before.Length - 1].ToArray();
        return one.Chosen == LoadCase.Choice.Sampled
            ? DrawMargin(logits, one.Seed, position, other)
            : Math.Abs(logits[_answers[one][position]] - logits[other]);
    }

    public void Dispose() => _model.Dispose();

    private static double DrawMargin(float[] logits, long seed, int position, int other)
    {
        var random = new RandomSource(seed);
        for (var i = 0; i < position; i++)
        {
            random.NextDouble();
        }

        var drawn = random.NextDouble();
        TensorPrimitives.SoftMax(logits, logits);
        double from = TensorPrimitives.Sum<float>(logits.AsSpan(0, other));
        return Math.Max(from - drawn, drawn - (from + logits[other]));
    }
}
