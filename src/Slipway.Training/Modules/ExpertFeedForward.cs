using Slipway.Training.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Feed-forward blocks of which each token passes a few (Shazeer and others, 2017).</summary>
/// <remarks>
/// <code>
/// p = softmax(gate(x)); the k largest are chosen, and scaled to a sum of 1 where the settings say so
/// y = Σ over the chosen: p · expert(x)
/// </code>
/// An expert computes its tokens alone, all at once.
/// </remarks>
internal sealed class ExpertFeedForward : nn.Module<Tensor, Tensor>
{
    private readonly ExpertSettings _settings;
    private readonly GatedFeedForward[] _experts;

    public ExpertFeedForward(ModelConfig config, ExpertSettings settings)
        : base(settings.Module)
    {
        _settings = settings;
        gate = new Projection(nameof(gate), config.HiddenSize, settings.Count, bias: false);
        _experts = [.. Enumerable.Range(0, settings.Count).Select(index => new GatedFeedForward(
            $"experts.{index}", config, settings.IntermediateSize, settings.Names))];
        register_module(nameof(gate), gate);
        register_module("experts", new ModuleList<GatedFeedForward>(_experts));
    }

    private Projection gate { get; }

    /// <summary>Maps [tokens, hidden_size] to the same shape.</summary>
    public override Tensor forward(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var probabilities = gate.forward(hidden).to(float32).softmax(-1);             // [tokens, experts]
        var (weights, chosen) = probabilities.topk(_settings.Chosen, -1);             // [tokens, chosen]
        if (_settings.Normalize)
        {
            weights = weights / weights.sum(-1, keepdim: true);
        }

        var result = zeros_like(hidden);
        for (var expert = 0; expert < _experts.Length; expert++)
        {
            var places = chosen.With(expert, static (x, index) => x.eq(index)).nonzero();   // [places, 2]: token, rank
            if (places.shape[0] == 0)
            {
                continue;
            }

            var tokens = places.select(1, 0);
            var share = weights.view(-1).index_select(0, tokens.Times(_settings.Chosen).Plus(places.select(1, 1)));
            var output = _experts[expert].forward(hidden.index_select(0, tokens));
            result = result.PlusRows(tokens, output * share.to(output.dtype).unsqueeze(1));
        }

        return result.MoveToOuterDisposeScope();
    }
}
