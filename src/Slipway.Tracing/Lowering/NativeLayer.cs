using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;

namespace Slipway.Tracing.Lowering;

/// <summary>Weights and settings of a layer that torch computes natively.</summary>
/// <remarks>
/// The number of heads and the activation are not to be read from such a layer. They are those with which the layer
/// written out computes what the layer itself computes, on small random numbers.
/// </remarks>
internal sealed class NativeLayer
{
    private const double Tolerance = 1e-4;
    private static readonly ConditionalWeakTable<object, NativeLayer> Known = [];
    private readonly Dictionary<string, torch.Tensor> _weights;

    private NativeLayer(torch.nn.Module module) => _weights = module.named_parameters()
        .ToDictionary(item => item.name, item => (torch.Tensor)item.parameter, StringComparer.Ordinal);

    /// <summary>The number of heads of attention.</summary>
    public long Heads { get; private set; } = 1;

    /// <summary>Tells whether the activation is GELU rather than ReLU.</summary>
    public bool UsesGelu { get; private set; }

    /// <summary>A weight.</summary>
    public torch.Tensor this[string name] => Find(name)
        ?? throw new NotSupportedException($"The layer has no weight '{name}'. Write the layer out in 'forward'.");

    /// <summary>A weight; null where there is none.</summary>
    public torch.Tensor? Find(string name) => _weights.GetValueOrDefault(name);

    /// <summary>The number of layers under a prefix.</summary>
    public int Count(string prefix)
        => _weights.Keys.Where(name => name.StartsWith($"{prefix}layers.", StringComparison.Ordinal))
            .Select(name => name[$"{prefix}layers.".Length..].Split('.')[0]).Distinct().Count();

    /// <summary>Finds a layer's settings.</summary>
    /// <exception cref="NotSupportedException">No settings give what the layer computes.</exception>
    public static NativeLayer Of(object module)
    {
        if (!Known.TryGetValue(module, out var layer))
        {
            layer = new NativeLayer((torch.nn.Module)module);
            using var scope = torch.NewDisposeScope();
            var previous = Interception.TraceRuntime.Recorder;
            Interception.TraceRuntime.Recorder = null;
            try
            {
                layer.Probe((torch.nn.Module)module);
            }
            finally
            {
                Interception.TraceRuntime.Recorder = previous;
            }

            Known.AddOrUpdate(module, layer);
        }

        // Weights may have been replaced since.
        return new NativeLayer((torch.nn.Module)module) { Heads = layer.Heads, UsesGelu = layer.UsesGelu };
    }

    /// <summary>Finds what a bag of rows becomes, on small ones.</summary>
    /// <exception cref="NotSupportedException">None of sum, mean and maximum.</exception>
    public static EmbeddingBagMode BagMode(EmbeddingBag module)
    {
        using var scope = torch.NewDisposeScope();
        var previous = Interception.TraceRuntime.Recorder;
        Interception.TraceRuntime.Recorder = null;
        try
        {
            var table = module.weight!.detach();
            var ids = torch.arange(Math.Min(table.shape[0], 3), dtype: torch.ScalarType.Int64, device: table.device);
            var actual = module.call(ids.unsqueeze(0));
            var rows = table.index_select(0, ids);
            (EmbeddingBagMode Mode, torch.Tensor Value)[] modes =
            [
                (EmbeddingBagMode.Sum, rows.sum([0L], true)), (EmbeddingBagMode.Mean, rows.mean([0L], true)),
                (EmbeddingBagMode.Max, rows.amax([0L], true)),
            ];
            var found = modes.Where(mode => Proof.Difference.Of(mode.Value, actual).Relative < Tolerance).ToArray();
            return found is [var only] ? only.Mode : throw new NotSupportedException(
                "The bag computes neither the sum nor the mean nor the maximum of its rows, or more than one of them "
                + "gives the same: it skips an id, or its table is too small to tell. Use an Embedding and reduce.");
        }
        finally
        {
            Interception.TraceRuntime.Recorder = previous;
        }
    }

    private void Probe(torch.nn.Module module)
    {
        var width = _weights.First(item => item.Key.EndsWith("out_proj.weight", StringComparison.Ordinal))
            .Value.shape[0];
        var type = _weights.First().Value.dtype;
        using var generator = new torch.Generator(1);
        torch.Tensor Numbers(long length) => torch.randn(
            [length, 2, width], torch.ScalarType.Float32, generator: generator)
            .to(type).to(_weights.First().Value.device);
        var (x, y) = (Numbers(3), Numbers(4));
        Func<torch.Tensor> real, written;
        switch (module)
        {
            case MultiheadAttention attention:
                var (key, value) = (Keys(y, "k_proj_weight", generator), Keys(y, "v_proj_weight", generator));
                real = () => attention.forward(x, key, value, null, true, null).Item1;
                written = () => Attention.Attend(this, "", x, key, value, null, null).Output;
                break;
            case TransformerEncoderLayer encoder:
                (real, written) = (() => encoder.forward(x), () => WithSettings(() => Encode(encoder, x)));
                break;
            case TransformerEncoder encoder:
                (real, written) = (() => encoder.forward(x, null, null), () => WithSettings(() => Encode(encoder, x)));
                break;
            case TransformerDecoderLayer decoder:
                real = () => decoder.forward(x, y, null, null, null, null);
                written = () => WithSettings(
                    () => Transformers.Decoder(decoder, x, y, null, null, null, null));
                break;
            case TransformerDecoder decoder:
                real = () => decoder.forward(x, y, null, null, null, null);
                written = () => WithSettings(
                    () => Transformers.Decoder(decoder, x, y, null, null, null, null));
                break;
            default:
                var whole = (Transformer)module;
                real = () => whole.forward(y, x);
                written = () => WithSettings(() => Transformers.Transformer(whole, y, x));
                break;
        }

        var expected = real();
        for (long heads = 1; heads <= width; heads++)
        {
            foreach (var gelu in new[] { false, true })
            {
                (Heads, UsesGelu) = (heads, gelu);
                if (width % heads == 0 && Proof.Difference.Of(written(), expected).Relative < Tolerance)
                {
                    return;
                }
            }
        }

        throw new NotSupportedException(
            $"No number of heads makes '{module.GetType().Name}' written out equal to torch's. Layers with "
            + "'add_bias_kv' or 'add_zero_attn' cannot be exported; write the attention out in 'forward'.");

        torch.Tensor WithSettings(Func<torch.Tensor> run)
        {
            Known.AddOrUpdate(module, this);
            return run();
        }

        torch.Tensor Encode(object encoder, torch.Tensor source) => Transformers.Encoder(encoder, source, null, null);
    }

    private torch.Tensor Keys(torch.Tensor sample, string weight, torch.Generator generator)
        => Find(weight) is { } projection
            ? torch.randn(
                [sample.shape[0], sample.shape[1], projection.shape[1]], torch.ScalarType.Float32,
                generator: generator).to(sample.dtype).to(sample.device)
            : sample;
}
