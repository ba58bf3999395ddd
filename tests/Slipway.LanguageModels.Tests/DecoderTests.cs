using Slipway.LanguageModels.Tests.Modules;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.LanguageModels.Tests;

/// <summary>Decoders as people write them, each compared with itself in pieces, steps and rows.</summary>
public sealed class DecoderTests
{
    private const int Size = Exported.VocabularySize;
    private const int Context = 48;

    private static readonly Dictionary<string, (Func<nn.Module> Make, int Fused, bool Recomputes)> Decoders =
        new(StringComparer.Ordinal)
    {
        ["gpt"] = (() => new Gpt(Size, 32, 4, 2, Context), 2, false),
        ["llama"] = (() => new Decoder(
            Size, 64, new LlamaBlock(64, 4, 2, Context), new LlamaBlock(64, 4, 2, Context)), 2, false),
        ["alibi"] = (() => Of(ScoreKind.Alibi), 0, false),
        ["window"] = (() => Of(ScoreKind.Window), 2, false),
        ["relative bias"] = (() => Of(ScoreKind.Relative), 0, false),
        ["softcap"] = (() => Of(ScoreKind.Softcap), 2, false),
        ["sdpa"] = (() => Of(ScoreKind.Sdpa), 2, false),
        ["averaging"] = (() => Of(ScoreKind.Averaging), 0, false),
        ["parallel"] = (() => new Decoder(Size, 32, new Block(32, 4, ScoreKind.Sdpa, isParallel: true)), 1, false),
        ["post-norm"] = (() => new Decoder(Size, 32, new Block(32, 2, ScoreKind.Sdpa, isPostNorm: true)), 1, false),
        ["experts"] = (() => new Decoder(
            Size, 32, new Block(32, 4, ScoreKind.Sdpa), new Experts(32, 4, 2)), 1, false),
        ["experts over all tokens"] = (() => new Decoder(
            Size, 32, new Block(32, 4, ScoreKind.Sdpa), new DenseExperts(32, 4, 2)), 1, false),
        ["sinusoids"] = (() => new Decoder(Size, 32, new Sinusoids(), new Block(32, 4, ScoreKind.Sdpa)), 1, false),
        ["native attention"] = (() => new Decoder(Size, 32, new Sinusoids(), new NativeBlock(32, 4)), 1, false),
        ["rotated neighbours, one key head"] =
            (() => new Decoder(Size, 64, new ParallelBlock(64, 4), new ParallelBlock(64, 4)), 2, false),
        ["padding by ids"] = (() => new PaddedDecoder(Size, 32, Context), 0, false),
        ["capped"] = (() => new CappedDecoder(Size, 64, 4, 2, 4, 2), 4, false),
        ["sandwich"] = (() => new CappedDecoder(Size, 64, 4, 2, 4, null), 4, false),
        ["normed heads"] = (() => new Decoder(
            Size, 128, new NormedHeads(128, 4, 2, 32), new NormedHeads(128, 4, 2, 16)), 2, false),
        ["buckets"] = (() => new Decoder(Size, 32, new BucketBlock(32, 4), new BucketBlock(32, 2)), 0, false),
        ["merged heads"] = (() => new Decoder(Size, 32, new MergedHeads(32, 4), new MergedHeads(32, 4)), 0, false),
        ["sinks"] = (() => new Decoder(Size, 32, new SinkBlock(32, 4, 6), new SinkBlock(32, 4, 9)), 0, false),
        ["latent"] = (() => new Decoder(Size, 64, new LatentBlock(64, 4), new LatentBlock(64, 2)), 0, false),
        ["shared block"] = (() => new SharedBlockDecoder(Size, 32, 3, Context), 3, false),
        ["own cache"] = (() => new Decoder(Size, 32, new OwnCacheBlock(32, 4), new OwnCacheBlock(32, 4)), 2, false),
        ["linear attention"] = (() => new Decoder(Size, 32, new LinearAttention(32), new LinearAttention(32)), 0, true),
        ["shift"] = (() => new Decoder(Size, 32, new ShiftBlock(32), new ShiftBlock(32)), 0, true),
        ["differential"] = (() => new Decoder(
            Size, 32, new DifferentialBlock(32, 2), new DifferentialBlock(32, 2)), 0, false),
        ["value residual"] = (() => new ValueResidualDecoder(Size, 32, 4, 3), 3, false),
        ["convolution"] = (() => new Decoder(
            Size, 32, new CausalConvolution(32), new Block(32, 4, ScoreKind.Sdpa)), 1, true),
    };

    public static TheoryData<string> Names => [.. Decoders.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void FromModule_Decoder_EqualsModuleInStepsOfRows(string name)
    {
        manual_seed(1);
        var (make, fused, recomputes) = Decoders[name];
        using var module = make();
        module.eval();
        using var exported = Exported.Of(module, new() { ContextLength = Context });
        Assert.InRange(exported.Report.Difference, 0, 1e-4);
        Assert.Equal(fused, exported.Report.FusedAttentions);
        Assert.Equal(recomputes, exported.Report.Recomputed.Count > 0);
    }

    private static Decoder Of(ScoreKind kind)
        => new(Size, 32, new Block(32, 4, kind), new Block(32, 4, kind));
}
