using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.LanguageModels.Tests.Modules;

/// <summary>A mixture in which every expert sees every token, and the router's weights close most of them.</summary>
internal sealed class DenseExperts : Module<Tensor, Tensor>
{
    private readonly Linear _router;
    private readonly Parameter _up;
    private readonly Parameter _down;
    private readonly int _chosen;

    public DenseExperts(int width, int count, int chosen)
        : base(nameof(DenseExperts))
    {
        _chosen = chosen;
        _router = Linear(width, count, hasBias: false);
        _up = Parameter(randn(count, width, width) * 0.1);
        _down = Parameter(randn(count, width, width) * 0.1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var scores = functional.softmax(_router.call(input), -1);
        var least = scores.topk(_chosen, -1).values.amin([-1], true);
        var gates = scores.masked_fill(scores < least, 0);
        var hidden = functional.silu(einsum("btd,edh->bteh", input, _up));
        return input + einsum("bteh,ehd,bte->btd", hidden, _down, gates);
    }
}

/// <summary>A feed-forward layer over [time, batch, width].</summary>
internal sealed class TimeFirst : Module<Tensor, Tensor>
{
    private readonly Linear _up;
    private readonly Linear _down;

    public TimeFirst(int width)
        : base(nameof(TimeFirst))
    {
        (_up, _down) = (Linear(width, 2 * width), Linear(2 * width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
        => input + _down.call(functional.gelu(_up.call(input.transpose(0, 1)))).transpose(0, 1);
}

/// <summary>A mixture whose experts see only the tokens that chose them, gathered and added by index.</summary>
internal sealed class GatheredExperts : Module<Tensor, Tensor>
{
    private readonly Linear _router;
    private readonly ModuleList<Linear> _experts;

    public GatheredExperts(int width, int count)
        : base(nameof(GatheredExperts))
    {
        _router = Linear(width, count, hasBias: false);
        _experts = ModuleList([.. Enumerable.Range(0, count).Select(_ => Linear(width, width))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var tokens = input.reshape(-1, input.shape[2]);
        var (weights, chosen) = functional.softmax(_router.call(tokens), -1).topk(2, -1);
        var sum = zeros_like(tokens);
        for (var expert = 0; expert < _experts.Count; expert++)
        {
            var rows = chosen.eq(expert).any(-1).nonzero().squeeze(1);
            var share = (weights * chosen.eq(expert)).sum(-1, keepdim: true);
            sum = sum.index_add(0, rows, _experts[expert].call(tokens.index_select(0, rows))
                * share.index_select(0, rows), 1);
        }

        return input + sum.view_as(input);
    }
}

/// <summary>A mixture in which experts choose their tokens of the whole sequence, later ones among them.</summary>
internal sealed class ChoosingExperts : Module<Tensor, Tensor>
{
    private readonly Linear _router;
    private readonly ModuleList<Linear> _experts;

    public ChoosingExperts(int width, int count)
        : base(nameof(ChoosingExperts))
    {
        _router = Linear(width, count, hasBias: false);
        _experts = ModuleList([.. Enumerable.Range(0, count).Select(_ => Linear(width, width))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var scores = functional.softmax(_router.call(input), -1);
        var least = scores.topk(Math.Min(2, (int)input.shape[1]), 1).values.amin([1], keepdim: true);
        var gates = where(scores >= least, scores, zeros_like(scores));
        return _experts.Select((expert, index) => gates[.., .., index].unsqueeze(-1) * expert.call(input))
            .Aggregate(input, (sum, part) => sum + part);
    }
}
