using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.LanguageModels.Tests.Modules;

/// <summary>Tokens, blocks and a head of its own; what positions are is the blocks' matter.</summary>
internal sealed class Decoder : Module<Tensor, Tensor>
{
    private readonly Embedding _tokens;
    private readonly ModuleList<Module<Tensor, Tensor>> _blocks;
    private readonly Linear _head;

    public Decoder(int vocabulary, int width, params Module<Tensor, Tensor>[] blocks)
        : base(nameof(Decoder))
    {
        _tokens = Embedding(vocabulary, width);
        _blocks = ModuleList(blocks);
        _head = Linear(width, vocabulary, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _tokens.call(input);
        foreach (var block in _blocks)
        {
            x = block.call(x);
        }

        return _head.call(x);
    }
}

/// <summary>A norm by the root of the mean square, written out.</summary>
internal sealed class RmsNorm : Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Parameter _weight;

    public RmsNorm(int width)
        : base(nameof(RmsNorm))
    {
        _weight = Parameter(ones(width) + (0.1 * randn(width)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
        => input * rsqrt(input.pow(2).mean([-1], keepdim: true) + 1e-6) * _weight;
}

/// <summary>A block as Llama has it: rotated halves, grouped heads by expansion, a gate.</summary>
internal sealed class LlamaBlock : Module<Tensor, Tensor>
{
    private readonly RmsNorm _first, _second;
    private readonly Linear _q, _k, _v, _o, _gate, _up, _down;
    private readonly Tensor _cos, _sin;
    private readonly int _heads, _keyHeads;

    public LlamaBlock(int width, int heads, int keyHeads, int context)
        : base(nameof(LlamaBlock))
    {
        (_heads, _keyHeads) = (heads, keyHeads);
        var head = width / heads;
        (_first, _second) = (new RmsNorm(width), new RmsNorm(width));
        (_q, _o) = (Linear(width, width, hasBias: false), Linear(width, width, hasBias: false));
        _k = Linear(width, keyHeads * head, hasBias: false);
        _v = Linear(width, keyHeads * head, hasBias: false);
        _gate = Linear(width, 2 * width, hasBias: false);
        _up = Linear(width, 2 * width, hasBias: false);
        _down = Linear(2 * width, width, hasBias: false);
        var frequencies = pow(10000.0, arange(0, head, 2, float32) / -head);
        var angles = outer(arange(context, float32), frequencies);
        var both = cat([angles, angles], -1);
        (_cos, _sin) = (both.cos(), both.sin());
        register_buffer("_cos", _cos);
        register_buffer("_sin", _sin);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _first.call(input);
        var (b, t, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var head = c / _heads;
        var q = Rotate(_q.call(x).view(b, t, _heads, head).transpose(1, 2));
        var k = Rotate(_k.call(x).view(b, t, _keyHeads, head).transpose(1, 2));
        var v = _v.call(x).view(b, t, _keyHeads, head).transpose(1, 2);
        var (keys, values) = (Repeat(k), Repeat(v));
        var mask = ones([t, t], ScalarType.Bool).tril().logical_not();
        var scores = q.matmul(keys.transpose(2, 3)) / Math.Sqrt(head);
        scores = scores.masked_fill(mask, float.NegativeInfinity);
        var y = functional.softmax(scores, -1).matmul(values).transpose(1, 2).reshape(b, t, c);
        input = input + _o.call(y);
        x = _second.call(input);
        return input + _down.call(functional.silu(_gate.call(x)) * _up.call(x));
    }

    private Tensor Rotate(Tensor x)
    {
        var (t, half) = (x.shape[2], x.shape[3] / 2);
        var turned = cat([-x[TensorIndex.Ellipsis, (int)half..], x[TensorIndex.Ellipsis, ..(int)half]], -1);
        return (x * _cos[..(int)t]) + (turned * _sin[..(int)t]);
    }

    private Tensor Repeat(Tensor x)
    {
        var (b, h, t, d) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        return x.unsqueeze(2).expand(b, h, _heads / _keyHeads, t, d).reshape(b, _heads, t, d);
    }
}

/// <summary>Ways to mask and bias scores.</summary>
internal enum ScoreKind
{
    Window,
    Alibi,
    Relative,
    Averaging,
    Sdpa,
    Full,
    Softcap,
}

/// <summary>A block with attention whose scores differ by kind, and norms before or after.</summary>
internal sealed class Block : Module<Tensor, Tensor>
{
    private readonly ScoreKind _kind;
    private readonly bool _isPostNorm, _isParallel;
    private readonly int _heads, _window;
    private readonly Linear _qkv, _projection, _up, _down;
    private readonly LayerNorm _first, _second;
    private readonly Embedding _distances;

    public Block(
        int width, int heads, ScoreKind kind, bool isPostNorm = false, bool isParallel = false, int window = 4)
        : base(nameof(Block))
    {
        (_kind, _isPostNorm, _isParallel, _heads, _window) = (kind, isPostNorm, isParallel, heads, window);
        (_qkv, _projection) = (Linear(width, 3 * width), Linear(width, width));
        (_up, _down) = (Linear(width, 3 * width), Linear(3 * width, width));
        (_first, _second) = (LayerNorm(width), LayerNorm(width));
        _distances = Embedding(16, heads);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        if (_isParallel)
        {
            var x = _first.call(input);
            return input + Attend(x) + Feed(x);
        }

        if (_isPostNorm)
        {
            input = _first.call(input + Attend(input));
            return _second.call(input + Feed(input));
        }

        input = input + Attend(_first.call(input));
        return input + Feed(_second.call(input));
    }

    private Tensor Feed(Tensor x) => _down.call(functional.relu(_up.call(x)));

    private Tensor Attend(Tensor x)
    {
        var (b, t, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var parts = _qkv.call(x).view(b, t, 3, _heads, c / _heads).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (parts[0], parts[1], parts[2]);
        if (_kind == ScoreKind.Sdpa)
        {
            var all = functional.scaled_dot_product_attention(q, k, v, is_casual: true);
            return _projection.call(all.transpose(1, 2).reshape(b, t, c));
        }

        var rows = arange(t).unsqueeze(1);
        var distance = rows - arange(t).unsqueeze(0);
        var isClosed = distance < 0;
        var scores = q.matmul(k.transpose(-2, -1)) / Math.Sqrt(c / _heads);
        switch (_kind)
        {
            case ScoreKind.Window:
                isClosed = isClosed.logical_or(distance >= _window);
                break;
            case ScoreKind.Alibi:
                var slopes = pow(2.0, -8.0 * arange(1, _heads + 1, float32) / _heads).view(_heads, 1, 1);
                scores = scores - (slopes * distance.to(float32));
                break;
            case ScoreKind.Relative:
                scores = scores + _distances.call(distance.clamp(0, 15)).permute(2, 0, 1);
                break;
            case ScoreKind.Softcap:
                scores = (scores / 5).tanh() * 5;
                break;
            case ScoreKind.Averaging:
                var weights = tril(ones(t, t)) / arange(1, t + 1, float32).unsqueeze(1);
                return _projection.call(weights.matmul(v).transpose(1, 2).reshape(b, t, c));
            case ScoreKind.Full:
                isClosed = zeros([t, t], ScalarType.Bool);
                break;
        }

        scores = scores.masked_fill(isClosed, -1e9);
        return _projection.call(
            functional.softmax(scores, -1).matmul(v).transpose(1, 2).reshape(b, t, c));
    }
}

/// <summary>A mixture of experts by a loop over experts.</summary>
internal sealed class Experts : Module<Tensor, Tensor>
{
    private readonly Linear _router;
    private readonly ModuleList<Linear> _experts;
    private readonly int _chosen;

    public Experts(int width, int count, int chosen)
        : base(nameof(Experts))
    {
        _chosen = chosen;
        _router = Linear(width, count, hasBias: false);
        _experts = ModuleList([.. Enumerable.Range(0, count).Select(_ => Linear(width, width))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (b, t, c) = (input.shape[0], input.shape[1], input.shape[2]);
        var tokens = input.view(-1, c);
        var (weights, indices) = topk(functional.softmax(_router.call(tokens), -1), _chosen, -1);
        weights = weights / weights.sum(-1, keepdim: true);
        var sum = zeros_like(tokens);
        for (var expert = 0; expert < _experts.Count; expert++)
        {
            var share = (weights * indices.eq(expert).to(float32)).sum(-1, keepdim: true);
            sum = sum + (share * functional.gelu(_experts[expert].call(tokens)));
        }

        return input + sum.view(b, t, c);
    }
}

/// <summary>Positions of sines and cosines, added to the tokens.</summary>
internal sealed class Sinusoids : Module<Tensor, Tensor>
{
    public Sinusoids()
        : base(nameof(Sinusoids)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        var (t, c) = (input.shape[1], input.shape[2]);
        var rates = exp(arange(0, c, 2, float32) * (-Math.Log(10000) / c));
        var angles = arange(t, float32).unsqueeze(1) * rates;
        return input + stack([angles.sin(), angles.cos()], -1).view(t, c);
    }
}

/// <summary>TorchSharp's own attention, with time first and an additive mask.</summary>
internal sealed class NativeBlock : Module<Tensor, Tensor>
{
    private readonly MultiheadAttention _attention;
    private readonly LayerNorm _norm;

    public NativeBlock(int width, int heads)
        : base(nameof(NativeBlock))
    {
        _attention = MultiheadAttention(width, heads);
        _norm = LayerNorm(width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _norm.call(input).transpose(0, 1);
        var t = x.shape[0];
        var mask = zeros(t, t).masked_fill(ones([t, t], ScalarType.Bool).triu(1), float.NegativeInfinity);
        var (y, _) = _attention.call(x, x, x, null, false, mask);
        return input + y.transpose(0, 1);
    }
}

/// <summary>A convolution that sees the last positions only.</summary>
internal sealed class CausalConvolution : Module<Tensor, Tensor>
{
    private readonly Conv1d _convolution;

    public CausalConvolution(int width)
        : base(nameof(CausalConvolution))
    {
        _convolution = Conv1d(width, width, 3);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
        => input + functional.relu(
            _convolution.call(functional.pad(input.transpose(1, 2), [2L, 0L]))).transpose(1, 2);
}

/// <summary>Neighbours that are rotated together, one head of keys for all, attention beside the MLP.</summary>
internal sealed class ParallelBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm _norm;
    private readonly Linear _q, _kv, _o, _up, _down;
    private readonly int _heads;

    public ParallelBlock(int width, int heads)
        : base(nameof(ParallelBlock))
    {
        _heads = heads;
        _norm = LayerNorm(width);
        (_q, _kv, _o) = (Linear(width, width), Linear(width, 2 * width / heads), Linear(width, width));
        (_up, _down) = (Linear(width, 4 * width), Linear(4 * width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _norm.call(input);
        var (b, t, c) = (x.shape[0], x.shape[1], x.shape[2]);
        var head = c / _heads;
        var q = Rotate(_q.call(x).view(b, t, _heads, head).transpose(1, 2));
        var parts = _kv.call(x).view(b, t, 1, 2 * head).transpose(1, 2).chunk(2, -1);
        var scores = q.matmul(Rotate(parts[0]).transpose(2, 3)) * (1 / Math.Sqrt(head));
        scores = scores + full([t, t], float.NegativeInfinity).triu(1);
        var y = functional.softmax(scores, -1).matmul(parts[1]).transpose(1, 2).reshape(b, t, c);
        return input + _o.call(y) + _down.call(functional.gelu(_up.call(x)));
    }

    private static Tensor Rotate(Tensor x)
    {
        var (t, d) = (x.shape[2], x.shape[3]);
        var angles = outer(arange(t, float32), pow(10000.0, arange(0, d, 2, float32) / -d));
        var pairs = x.view(x.shape[0], x.shape[1], t, d / 2, 2).unbind(-1);
        var (cos, sin) = (angles.cos(), angles.sin());
        return stack(
            [(pairs[0] * cos) - (pairs[1] * sin), (pairs[0] * sin) + (pairs[1] * cos)], -1).flatten(3);
    }
}

/// <summary>Attention that leaves out what is padding by its id.</summary>
internal sealed class PaddedDecoder : Module<Tensor, Tensor>
{
    private readonly Embedding _tokens, _positions;
    private readonly Linear _qkv, _head;

    public PaddedDecoder(int vocabulary, int width, int context)
        : base(nameof(PaddedDecoder))
    {
        (_tokens, _positions) = (Embedding(vocabulary, width), Embedding(context, width));
        (_qkv, _head) = (Linear(width, 3 * width), Linear(width, vocabulary));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var (b, t) = (input.shape[0], input.shape[1]);
        var x = _tokens.call(input) + _positions.call(arange(t));
        var parts = _qkv.call(x).chunk(3, -1);
        var isOpen = tril(ones([t, t], ScalarType.Bool)).unsqueeze(0)
            .logical_and(input.ne(0).unsqueeze(1)).logical_or(eye(t, dtype: ScalarType.Bool));
        var scores = bmm(parts[0], parts[1].transpose(1, 2)) / Math.Sqrt(x.shape[2]);
        scores = scores.masked_fill(isOpen.logical_not(), float.NegativeInfinity);
        return _head.call(x + bmm(functional.softmax(scores, -1), parts[2]));
    }
}
