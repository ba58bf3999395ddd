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
