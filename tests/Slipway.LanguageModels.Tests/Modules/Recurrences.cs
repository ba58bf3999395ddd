using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.LanguageModels.Tests.Modules;

/// <summary>One block for all layers, positions by counting, logits in a tuple with the last states.</summary>
internal sealed class SharedBlockDecoder : Module<Tensor, Tensor?, (Tensor Logits, Tensor? Loss)>
{
    private readonly Embedding _tokens, _positions;
    private readonly Block _block;
    private readonly LayerNorm _norm;
    private readonly Linear _head;
    private readonly int _layers;

    public SharedBlockDecoder(int vocabulary, int width, int layers, int context)
        : base(nameof(SharedBlockDecoder))
    {
        _layers = layers;
        (_tokens, _positions) = (Embedding(vocabulary, width), Embedding(context, width));
        (_block, _norm) = (new Block(width, 4, ScoreKind.Sdpa, isPostNorm: true), LayerNorm(width));
        _head = Linear(width, vocabulary, hasBias: false);
        _head.weight = _tokens.weight!;
        RegisterComponents();
    }

    public override (Tensor Logits, Tensor? Loss) forward(Tensor input, Tensor? targets = null)
    {
        var positions = ones_like(input).cumsum(1) - 1;
        var x = _norm.call(_tokens.call(input) + _positions.call(positions));
        for (var layer = 0; layer < _layers; layer++)
        {
            x = _block.call(x);
        }

        var logits = _head.call(x);
        return (logits, targets is null ? null : functional.cross_entropy(logits.flatten(0, 1), targets.flatten()));
    }
}

/// <summary>Keys and values in fields, grown by each call unless the caller asks for none.</summary>
internal sealed class OwnCacheBlock : Module<Tensor, Tensor>
{
    private readonly Linear _qkv, _o;
    private readonly int _heads;
    private Tensor? _keys, _values;

    public OwnCacheBlock(int width, int heads)
        : base(nameof(OwnCacheBlock))
    {
        _heads = heads;
        (_qkv, _o) = (Linear(width, 3 * width), Linear(width, width));
        RegisterComponents();
    }

    public bool KeepsKeys { get; set; }

    public override Tensor forward(Tensor input)
    {
        var (b, t, c) = (input.shape[0], input.shape[1], input.shape[2]);
        var parts = _qkv.call(input).view(b, t, _heads, -1).transpose(1, 2).chunk(3, -1);
        var (k, v) = (parts[1], parts[2]);
        if (KeepsKeys && _keys is not null)
        {
            (k, v) = (cat([_keys, k], 2), cat([_values!, v], 2));
        }

        (_keys, _values) = (k, v);
        var past = k.shape[2] - t;
        var mask = ones([t, past + t], ScalarType.Bool).tril(past);
        var scores = q(parts[0]).matmul(k.transpose(-1, -2)).masked_fill(~mask, double.NegativeInfinity);
        return input + _o.call(scores.softmax(-1).matmul(v).transpose(1, 2).reshape(b, t, c));

        Tensor q(Tensor x) => x / Math.Sqrt(c / _heads);
    }
}

/// <summary>Linear attention: sums of keys times values over time, and the sum of keys below.</summary>
internal sealed class LinearAttention : Module<Tensor, Tensor>
{
    private readonly Linear _q, _k, _v;

    public LinearAttention(int width)
        : base(nameof(LinearAttention))
    {
        (_q, _k, _v) = (Linear(width, width), Linear(width, width), Linear(width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var q = functional.elu(_q.call(input), 1.0) + 1;
        var k = functional.elu(_k.call(input), 1.0) + 1;
        var sums = einsum("btd,bte->btde", k, _v.call(input)).cumsum(1);
        var y = einsum("btd,btde->bte", q, sums) / ((q * k.cumsum(1)).sum(-1, keepdim: true) + 1e-6);
        return input + y;
    }
}

/// <summary>A block as RWKV mixes: each token with the one before it, by a padding of time.</summary>
internal sealed class ShiftBlock : Module<Tensor, Tensor>
{
    private readonly Parameter _mix;
    private readonly Linear _key, _value, _gate;

    public ShiftBlock(int width)
        : base(nameof(ShiftBlock))
    {
        _mix = Parameter(rand(width));
        (_key, _value, _gate) = (Linear(width, 2 * width), Linear(2 * width, width), Linear(width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var before = functional.pad(input, [0L, 0L, 1L, -1L]);
        var x = (input * _mix) + (before * (1 - _mix));
        return input + (_gate.call(x).sigmoid() * _value.call(_key.call(x).relu().square()));
    }
}

/// <summary>Two softmaxes, one less the other, and a norm of each head.</summary>
internal sealed class DifferentialBlock : Module<Tensor, Tensor>
{
    private readonly Linear _q, _k, _v, _o;
    private readonly Parameter _lambda;
    private readonly int _heads;

    public DifferentialBlock(int width, int heads)
        : base(nameof(DifferentialBlock))
    {
        _heads = heads;
        (_q, _k) = (Linear(width, width), Linear(width, width));
        (_v, _o) = (Linear(width, width), Linear(width, width));
        _lambda = Parameter(full(1, 0.3f));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (b, t, c) = (input.shape[0], input.shape[1], input.shape[2]);
        var q = _q.call(input).view(b, t, _heads, 2, -1).permute(3, 0, 2, 1, 4);
        var k = _k.call(input).view(b, t, _heads, 2, -1).permute(3, 0, 2, 1, 4);
        var v = _v.call(input).view(b, t, _heads, -1).transpose(1, 2);
        var scores = q.matmul(k.transpose(-1, -2)) / Math.Sqrt(q.shape[4]);
        scores = scores.masked_fill(ones([t, t], ScalarType.Bool).triu(1), float.NegativeInfinity);
        var weights = scores.softmax(-1);
        var y = (weights[0] - (_lambda * weights[1])).matmul(v);
        y = functional.layer_norm(y, [y.shape[3]]);
        return input + _o.call(y.transpose(1, 2).reshape(b, t, c));
    }
}

/// <summary>Values of the first layer in all layers, and the residual stream weighed by learned numbers.</summary>
internal sealed class ValueResidualDecoder : Module<Tensor, Tensor>
{
    private readonly Embedding _tokens;
    private readonly ModuleList<Linear> _qkv, _o;
    private readonly Parameter _shares;
    private readonly Linear _head;
    private readonly int _heads;

    public ValueResidualDecoder(int vocabulary, int width, int heads, int layers)
        : base(nameof(ValueResidualDecoder))
    {
        _heads = heads;
        _tokens = Embedding(vocabulary, width);
        _qkv = ModuleList([.. Enumerable.Range(0, layers).Select(_ => Linear(width, 3 * width, hasBias: false))]);
        _o = ModuleList([.. Enumerable.Range(0, layers).Select(_ => Linear(width, width, hasBias: false))]);
        _shares = Parameter(rand(layers, 2));
        _head = Linear(width, vocabulary);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var start = functional.layer_norm(_tokens.call(input), [_tokens.weight!.shape[1]]);
        var x = start;
        Tensor? first = null;
        foreach (var (qkv, layer) in _qkv.Select((map, layer) => (map, layer)))
        {
            var parts = qkv.call(functional.layer_norm(x, [x.shape[^1]])).split(x.shape[2], 2)
                .Select(part => part.unflatten(2, [_heads, -1]).transpose(1, 2)).ToArray();
            first ??= parts[2];
            var v = lerp(first, parts[2], _shares[layer, 0]);
            var (q, k) = (functional.normalize(parts[0], dim: -1), functional.normalize(parts[1], dim: -1));
            var y = functional.scaled_dot_product_attention(q * 3, k * 3, v, is_casual: true);
            x = x + (start * _shares[layer, 1]) + _o[layer].call(y.transpose(1, 2).flatten(2));
        }

        return 15 * (_head.call(x) / 15).sigmoid();
    }
}
