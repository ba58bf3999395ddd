using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.LanguageModels.Tests.Modules;

/// <summary>
/// A block as Qwen 3 is written, with a part of each head rotated: norms of queries and keys, groups by broadcasting,
/// a mask by <c>where</c>.
/// </summary>
internal sealed class NormedHeads : Module<Tensor, Tensor>
{
    private readonly RmsNorm _first, _second, _q, _k;
    private readonly ModuleDict<Linear> _maps;
    private readonly int _heads, _keyHeads, _head, _rotated;

    public NormedHeads(int width, int heads, int keyHeads, int rotated)
        : base(nameof(NormedHeads))
    {
        (_heads, _keyHeads, _head, _rotated) = (heads, keyHeads, width / heads, rotated);
        (_first, _second) = (new RmsNorm(width), new RmsNorm(width));
        (_q, _k) = (new RmsNorm(_head), new RmsNorm(_head));
        _maps = ModuleDict(
            ("q", Linear(width, width, hasBias: false)), ("kv", Linear(width, 2 * keyHeads * _head, hasBias: false)),
            ("o", Linear(width, width, hasBias: false)), ("up", Linear(width, 4 * width, hasBias: false)),
            ("down", Linear(2 * width, width, hasBias: false)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _first.call(input);
        var (b, t, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var q = Rotate(_q.call(_maps["q"].call(x).view(b, t, _keyHeads, _heads / _keyHeads, _head))
            .permute(0, 2, 3, 1, 4));
        var pair = _maps["kv"].call(x).view(b, t, 2, _keyHeads, _head).unbind(2);
        var k = Rotate(_k.call(pair[0]).permute(0, 2, 1, 3).unsqueeze(2));
        var v = pair[1].permute(0, 2, 1, 3).unsqueeze(2);
        var position = arange(t);
        var isOpen = position[.., TensorIndex.None] >= position[TensorIndex.None, ..];
        var scores = q.matmul(k.mT) * (1 / Math.Sqrt(_head));
        scores = where(isOpen, scores, tensor(float.MinValue));
        var y = scores.softmax(-1).matmul(v).permute(0, 3, 1, 2, 4).reshape(b, t, c);
        input = input + _maps["o"].call(y);
        var halves = _maps["up"].call(_second.call(input)).tensor_split(2, -1);
        return input + _maps["down"].call(halves[0].sigmoid() * halves[0] * halves[1]);
    }

    private Tensor Rotate(Tensor x)
    {
        var rates = exp(arange(0, _rotated, 2).to(float32) * (-Math.Log(500000) / _rotated));
        var angles = outer(arange(x.shape[3]).to(float32), rates);
        var (kept, half) = (x[TensorIndex.Ellipsis, _rotated..], _rotated / 2);
        var (one, other) = (x[TensorIndex.Ellipsis, ..half], x[TensorIndex.Ellipsis, half.._rotated]);
        return cat(
            [(one * angles.cos()) - (other * angles.sin()), (other * angles.cos()) + (one * angles.sin()), kept], -1);
    }
}

/// <summary>A block as T5 is written: buckets of distances, products by <c>einsum</c>, no scale.</summary>
internal sealed class BucketBlock : Module<Tensor, Tensor>
{
    private const int Buckets = 16, MaxDistance = 40;
    private readonly RmsNorm _first, _second;
    private readonly Parameter _q, _k, _v, _o;
    private readonly Embedding _bias;
    private readonly Linear _wi, _wo;

    public BucketBlock(int width, int heads)
        : base(nameof(BucketBlock))
    {
        Parameter Map() => Parameter(randn(heads, width, width / heads) / Math.Sqrt(width));
        (_q, _k, _v, _o) = (Map(), Map(), Map(), Map());
        (_first, _second, _bias) = (new RmsNorm(width), new RmsNorm(width), Embedding(Buckets, heads));
        (_wi, _wo) = (Linear(width, 2 * width, hasBias: false), Linear(2 * width, width, hasBias: false));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _first.call(input);
        var t = x.shape[1];
        var (q, k, v) = (
            einsum("bqc,hcd->bqhd", x, _q), einsum("bkc,hcd->bkhd", x, _k), einsum("bkc,hcd->bkhd", x, _v));
        var scores = einsum("bqhd,bkhd->bhqk", q, k);
        var distance = (arange(t).unsqueeze(1) - arange(t).unsqueeze(0)).clamp(min: 0);
        var exact = Buckets / 2;
        var far = exact + ((distance.to(float32).clamp(min: 1) / exact).log()
            / Math.Log((double)MaxDistance / exact) * (Buckets - exact)).to(int64).clamp(0, Buckets - exact - 1);
        var bucket = where(distance < exact, distance, far);
        scores = scores + _bias.call(bucket).permute(2, 0, 1).unsqueeze(0);
        scores = scores + triu(full(t, t, -1e9), 1);
        var y = einsum("bhqk,bkhd->bqhd", scores.softmax(3), v);
        input = input + einsum("bqhd,hcd->bqc", y, _o);
        return input + _wo.call(_wi.call(_second.call(input)).relu());
    }
}

/// <summary>A block as BLOOM is written: slopes in a buffer, <c>baddbmm</c> over merged heads.</summary>
internal sealed class MergedHeads : Module<Tensor, Tensor>
{
    private readonly LayerNorm _first, _second;
    private readonly Linear _qkv, _o, _up, _down;
    private readonly Tensor _slopes;
    private readonly Dropout _dropout;
    private readonly int _heads, _head;

    public MergedHeads(int width, int heads)
        : base(nameof(MergedHeads))
    {
        (_heads, _head) = (heads, width / heads);
        (_first, _second, _dropout) = (LayerNorm(width), LayerNorm(width), Dropout(0.2));
        (_qkv, _o) = (Linear(width, 3 * width), Linear(width, width));
        (_up, _down) = (Linear(width, 4 * width), Linear(4 * width, width));
        _slopes = pow(2.0, arange(1, heads + 1, float32) * (-8.0 / heads));
        register_buffer("_slopes", _slopes);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _first.call(input);
        var (b, t) = (x.shape[0], x.shape[1]);
        var parts = _qkv.call(x).view(b, t, _heads, 3, _head);
        Tensor Merge(int part) => parts[.., .., .., part].transpose(1, 2).reshape(b * _heads, t, _head);
        var alibi = (_slopes.view(-1, 1, 1) * arange(t, float32).view(1, 1, -1)).repeat(b, 1, 1);
        var scores = Merge(0).baddbmm(
            Merge(1).transpose(1, 2), alibi, beta: 1f, alpha: (float)(1 / Math.Sqrt(_head)));
        scores = scores.view(b, _heads, t, t).masked_fill(
            ones([t, t], ScalarType.Bool).triu(1), finfo(float32).min);
        var weights = _dropout.call(functional.softmax(scores, -1)).view(b * _heads, t, t);
        var y = bmm(weights, Merge(2)).view(b, _heads, t, _head).permute(0, 2, 1, 3).reshape(b, t, -1);
        input = _dropout.call(_o.call(y)) + input;
        x = _up.call(_second.call(input));
        x = x * 0.5 * (1 + tanh(0.79788456 * x * (1 + (0.044715 * x * x))));
        return functional.dropout(_down.call(x), 0.1, training) + input;
    }

    private static (double min, double max) finfo(ScalarType _) => (float.MinValue, float.MaxValue);
}

/// <summary>A block as GPT-OSS is written: a window, and a logit of each head that draws attention off.</summary>
internal sealed class SinkBlock : Module<Tensor, Tensor>
{
    private readonly RmsNorm _norm;
    private readonly Linear _q, _k, _v, _o;
    private readonly Parameter _sinks;
    private readonly int _heads, _window;

    public SinkBlock(int width, int heads, int window)
        : base(nameof(SinkBlock))
    {
        (_heads, _window, _norm) = (heads, window, new RmsNorm(width));
        (_q, _o) = (Linear(width, width), Linear(width, width));
        (_k, _v) = (Linear(width, width / heads), Linear(width, width / heads));
        _sinks = Parameter(randn(heads));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _norm.call(input);
        var (b, t, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var q = _q.call(x).view(b, t, _heads, -1).transpose(1, 2);
        var (k, v) = (_k.call(x).unsqueeze(1), _v.call(x).unsqueeze(1));
        var mask = full([t, t], float.NegativeInfinity);
        mask = mask.triu(1) + mask.tril(-_window);
        mask = mask.nan_to_num(0, neginf: -1e30);
        var scores = (q.matmul(k.transpose(-1, -2)) / Math.Sqrt(c / _heads)) + mask;
        var sinks = _sinks.view(1, _heads, 1, 1).expand(b, _heads, t, 1);
        scores = cat([scores, sinks], -1);
        scores = scores - scores.amax([-1], keepdim: true);
        var weights = scores.softmax(-1)[TensorIndex.Ellipsis, ..^1];
        return input + _o.call(weights.matmul(v).transpose(1, 2).flatten(2));
    }
}

/// <summary>
/// Attention over a latent as DeepSeek has it: narrow keys and values, and a rotated part for all heads.
/// </summary>
internal sealed class LatentBlock : Module<Tensor, Tensor>
{
    private readonly RmsNorm _norm, _latent;
    private readonly Linear _q, _down, _up, _o;
    private readonly int _heads, _plain, _turned, _value, _narrow;

    public LatentBlock(int width, int heads, int narrow = 24, int plain = 16, int turned = 8, int value = 12)
        : base(nameof(LatentBlock))
    {
        (_heads, _plain, _turned, _value, _narrow) = (heads, plain, turned, value, narrow);
        (_norm, _latent) = (new RmsNorm(width), new RmsNorm(narrow));
        _q = Linear(width, heads * (plain + turned), hasBias: false);
        _down = Linear(width, narrow + turned, hasBias: false);
        _up = Linear(narrow, heads * (plain + value), hasBias: false);
        _o = Linear(heads * value, width, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _norm.call(input);
        var (b, t) = (x.shape[0], x.shape[1]);
        var q = _q.call(x).view(b, t, _heads, _plain + _turned).transpose(1, 2).split([_plain, _turned], -1);
        var low = _down.call(x).split([_narrow, _turned], -1);
        var kv = _up.call(_latent.call(low[0])).view(b, t, _heads, _plain + _value).transpose(1, 2)
            .split([_plain, _value], -1);
        var queries = cat([q[0], Rotate(q[1])], -1);
        var keys = cat([kv[0], Rotate(low[1].view(b, 1, t, _turned)).expand(b, _heads, t, _turned)], -1);
        var y = functional.scaled_dot_product_attention(queries, keys, kv[1], is_casual: true);
        return input + _o.call(y.transpose(1, 2).reshape(b, t, _heads * _value));
    }

    // Neighbours as the parts of a complex number.
    private static Tensor Rotate(Tensor x)
    {
        var (t, d) = (x.shape[2], x.shape[3]);
        var angles = outer(arange(t, float32), pow(10000.0, arange(0, d, 2, float32) / -d));
        var (even, odd) = (
            x[TensorIndex.Ellipsis, TensorIndex.Slice(0, null, 2)],
            x[TensorIndex.Ellipsis, TensorIndex.Slice(1, null, 2)]);
        return stack(
            [(even * angles.cos()) - (odd * angles.sin()), (even * angles.sin()) + (odd * angles.cos())], -1)
            .flatten(-2);
    }
}
