using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Tests.Modules;

/// <summary>Attention as nanoGPT writes it: one product for queries, keys and values, a mask in a buffer.</summary>
internal sealed class WrittenOutAttention : Module<Tensor, Tensor>
{
    private readonly Linear _qkv;
    private readonly Linear _projection;
    private readonly Tensor _mask;
    private readonly int _heads;

    public WrittenOutAttention(int width, int heads, int context)
        : base(nameof(WrittenOutAttention))
    {
        _heads = heads;
        _qkv = Linear(width, 3 * width);
        _projection = Linear(width, width);
        _mask = tril(ones(context, context)).view(1, 1, context, context);
        register_buffer("_mask", _mask);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var (b, t, c) = (input.shape[0], input.shape[1], input.shape[2]);
        var parts = _qkv.call(input).chunk(3, dim: -1);
        var q = parts[0].view(b, t, _heads, c / _heads).transpose(1, 2);
        var k = parts[1].view(b, t, _heads, c / _heads).transpose(1, 2);
        var v = parts[2].view(b, t, _heads, c / _heads).transpose(1, 2);
        var scores = q.matmul(k.transpose(-2, -1)) * (1.0 / Math.Sqrt(c / _heads));
        scores = scores.masked_fill(_mask[.., .., ..(int)t, ..(int)t].eq(0), float.NegativeInfinity);
        var y = functional.softmax(scores, -1).matmul(v).transpose(1, 2).contiguous().view(b, t, c);
        return _projection.call(y).MoveToOuterDisposeScope();
    }
}

/// <summary>A block with its norms before attention and MLP.</summary>
internal sealed class GptBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm _first;
    private readonly WrittenOutAttention _attention;
    private readonly LayerNorm _second;
    private readonly Sequential _mlp;

    public GptBlock(int width, int heads, int context)
        : base(nameof(GptBlock))
    {
        _first = LayerNorm(width);
        _attention = new WrittenOutAttention(width, heads, context);
        _second = LayerNorm(width);
        _mlp = Sequential(("fc", Linear(width, 4 * width)), ("act", GELU()), ("proj", Linear(4 * width, width)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        input = input + _attention.call(_first.call(input));
        return input + _mlp.call(_second.call(input));
    }
}

/// <summary>GPT-2's shape, with a head that is tied to the embedding.</summary>
internal sealed class Gpt : Module<Tensor, Tensor>
{
    private readonly Embedding _tokens;
    private readonly Embedding _positions;
    private readonly ModuleList<GptBlock> _blocks;
    private readonly LayerNorm _norm;

    public Gpt(int vocabulary = 61, int width = 32, int heads = 4, int layers = 2, int context = 32)
        : base(nameof(Gpt))
    {
        _tokens = Embedding(vocabulary, width);
        _positions = Embedding(context, width);
        _blocks = ModuleList(
            [.. Enumerable.Range(0, layers).Select(_ => new GptBlock(width, heads, context))]);
        _norm = LayerNorm(width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var positions = arange(input.shape[1], dtype: ScalarType.Int64, device: input.device);
        var x = _tokens.call(input) + _positions.call(positions);
        foreach (var block in _blocks)
        {
            x = block.call(x);
        }

        return _norm.call(x).matmul(_tokens.weight!.t());
    }
}
