using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.LanguageModels.Tests.Modules;

/// <summary>
/// A decoder as Gemma 2 is written: scaled tokens, norms before and behind, capped scores and logits, a window in every
/// other layer, masks of the smallest number.
/// </summary>
internal sealed class CappedDecoder : Module<Tensor, Tensor>
{
    private readonly Embedding _tokens;
    private readonly ModuleList<CappedBlock> _blocks;
    private readonly OffsetNorm _norm;
    private readonly int _width;
    private readonly double? _cap;

    public CappedDecoder(int vocabulary, int width, int heads, int keyHeads, int layers, double? cap)
        : base(nameof(CappedDecoder))
    {
        (_width, _cap) = (width, cap);
        _tokens = Embedding(vocabulary, width);
        _blocks = ModuleList([.. Enumerable.Range(0, layers).Select(
            layer => new CappedBlock(width, heads, keyHeads, layer % 2 == 0 ? 5 : null, cap))]);
        _norm = new OffsetNorm(width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _tokens.call(input) * tensor((float)Math.Sqrt(_width));
        x = _blocks.Aggregate(x, (state, block) => block.call(state));
        var logits = functional.linear(_norm.call(x), _tokens.weight!);
        return _cap is { } cap ? tanh(logits / cap) * cap : logits;
    }
}

/// <summary>A norm whose weights are counted from one.</summary>
internal sealed class OffsetNorm : Module<Tensor, Tensor>
{
    private readonly Parameter _weight;

    public OffsetNorm(int width)
        : base(nameof(OffsetNorm))
    {
        _weight = Parameter(0.1 * randn(width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = input.to(float32);
        x = x * rsqrt(x.pow(2).mean([-1L], true) + 1e-6);
        return (x * (1 + _weight.to(float32))).type_as(input);
    }
}

internal sealed class CappedBlock : Module<Tensor, Tensor>
{
    private readonly Linear _qkv, _o, _gate, _up, _down;
    private readonly OffsetNorm _first, _behindFirst, _second, _behindSecond;
    private readonly int _heads, _keyHeads, _head;
    private readonly int? _window;
    private readonly double? _cap;

    public CappedBlock(int width, int heads, int keyHeads, int? window, double? cap)
        : base(nameof(CappedBlock))
    {
        (_heads, _keyHeads, _head, _window, _cap) = (heads, keyHeads, width / heads, window, cap);
        _qkv = Linear(width, (heads + (2 * keyHeads)) * _head, hasBias: false);
        _o = Linear(width, width, hasBias: false);
        (_gate, _up) = (Linear(width, 2 * width, hasBias: false), Linear(width, 2 * width, hasBias: false));
        _down = Linear(2 * width, width, hasBias: false);
        (_first, _behindFirst) = (new OffsetNorm(width), new OffsetNorm(width));
        (_second, _behindSecond) = (new OffsetNorm(width), new OffsetNorm(width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        input = input + _behindFirst.call(Attend(_first.call(input)));
        var x = _second.call(input);
        return input + _behindSecond.call(_down.call(functional.gelu(_gate.call(x)) * _up.call(x)));
    }

    private Tensor Attend(Tensor x)
    {
        var (b, t) = (x.shape[0], x.shape[1]);
        var parts = _qkv.call(x).split([_heads * _head, _keyHeads * _head, _keyHeads * _head], -1);
        var q = Rotate(parts[0].view(b, t, _heads, _head)).transpose(1, 2) * Math.Pow(_head, -0.5);
        var k = Rotate(parts[1].view(b, t, _keyHeads, _head)).transpose(1, 2);
        var v = parts[2].view(b, t, _keyHeads, _head).transpose(1, 2);
        k = repeat_interleave(k, _heads / _keyHeads, 1);
        v = repeat_interleave(v, _heads / _keyHeads, 1);
        var scores = matmul(q, k.transpose(2, 3));
        if (_cap is { } cap)
        {
            scores = scores / cap;
            scores = tanh(scores);
            scores = scores * cap;
        }

        var all = ones([t, t], ScalarType.Bool);
        var isOpen = all.tril();
        isOpen = _window is { } window ? isOpen.logical_and(all.triu(1 - window)) : isOpen;
        var mask = zeros(t, t).masked_fill(isOpen.logical_not(), float.MinValue);
        scores = scores + mask.view(1, 1, t, t);
        var y = matmul(functional.softmax(scores.to(float32), -1).type_as(q), v);
        return _o.call(y.transpose(1, 2).contiguous().view(b, t, -1));
    }

    // Tables are made where they are used.
    private static Tensor Rotate(Tensor x)
    {
        var (t, d) = (x.shape[1], (int)x.shape[3]);
        var rates = 1.0 / pow(10000.0, arange(0, d, 2, int64).to(float32) / d);
        var angles = einsum("i,j->ij", arange(t, float32), rates);
        angles = cat([angles, angles], -1).unsqueeze(1);
        var halves = x.chunk(2, -1);
        return (x * cos(angles)) + (cat([-halves[1], halves[0]], -1) * sin(angles));
    }
}
