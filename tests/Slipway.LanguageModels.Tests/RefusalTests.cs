using Slipway.LanguageModels.Tests.Modules;
using Slipway.Testing;
using Slipway.Tracing;
using Slipway.Tracing.Tests.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.LanguageModels.Tests;

/// <summary>Modules that are no language models, and what does not fit together, are refused by a sentence.</summary>
public sealed class RefusalTests
{
    private const int Size = Exported.VocabularySize;

    [Fact]
    public void FromModule_NotCausal_IsRefused()
        => Refuses<NotSupportedException>(
            new Decoder(Size, 32, new Block(32, 4, ScoreKind.Full)),
            "'Decoder' is not causal: with other ids from position 1 on, the logits of position 0 change.");

    [Fact]
    public void FromModule_ExpertsThatChooseTokens_IsRefused()
        => Refuses<NotSupportedException>(
            new Decoder(Size, 32, new Block(32, 4, ScoreKind.Sdpa), new ChoosingExperts(32, 4)),
            "'Decoder' is not causal: with other ids from position");

    // Rows in other company are rounded otherwise, which is no look ahead: what is refused is their number.
    [Fact]
    public void FromModule_ExpertsOfGatheredTokens_IsRefusedForTheirNumber()
        => Refuses<UntraceableModuleException>(
            new Decoder(Size, 32, new Block(32, 4, ScoreKind.Sdpa), new GatheredExperts(32, 4)), "nonzero");

    [Fact]
    public void FromModule_NoTimeAxis_IsRefused()
        => Refuses<NotSupportedException>(
            new LastLogits(Size),
            "'LastLogits' returns [2, 280] for ids [2, 4], and logits [batch, sequence, vocabulary] are needed");

    [Fact]
    public void FromModule_OtherInput_IsRefused()
        => Refuses<NotSupportedException>(nn.Linear(4, 4), "'Linear' does not take ids as int64 [2, 4]:");

    [Fact]
    public void FromModule_FurtherArguments_IsRefusedWithTheWayAroundThem()
        => Refuses<NotSupportedException>(
            new Positioned(Size), "'Positioned' has no 'forward' that takes ids alone. Give a module of your own");

    [Fact]
    public void FromModule_InTraining_IsRefused()
    {
        using var module = Make();
        module.train();
        Refuses<ArgumentException>(module, "'Gpt' is in training", evaluates: false);
        Assert.True(module.training);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void FromModule_OtherType_IsRefused(ScalarType type)
    {
        using var module = Make();
        Refuses<NotSupportedException>(
            module.to(type), $"'Gpt' computes in '{type}', and packages are made of float32");
    }

    [Fact]
    public void FromModule_FewerLogitsThanTokens_IsRefused()
        => Refuses<ArgumentException>(
            new Gpt(Size - 1, 32, 4, 1, 32), "'Gpt' has logits for 279 tokens, and the tokenizer has 280.");

    [Fact]
    public void FromModule_MoreLogitsThanTokens_IsToldOf()
    {
        using Gpt module = new(Size + 8, 32, 4, 1, 32);
        module.eval();
        using var exported = Exported.Of(module);
        Assert.Contains("288", Assert.Single(exported.Report.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void FromModule_ContextBeyondTable_IsRefused()
        => Refuses<ArgumentException>(
            new Gpt(Size, 32, 4, 1, 32), "'Gpt' does not run on 33 tokens, the 'ContextLength' that is asked for.",
            options: new() { ContextLength = 33 });

    [Fact]
    public void FromModule_Threshold_IsRefused()
        => Refuses<Exception>(new Threshold(Size), "Threshold", options: new() { ContextLength = 48 });

    [Fact]
    public void FromModule_FolderWithoutTokenizer_IsRefused()
    {
        using TemporaryFolder folder = new();
        using var module = Make();
        module.eval();
        var refusal = Assert.Throws<FileNotFoundException>(() => LanguageModelExport.FromModule(
            module, folder.Path, Path.Combine(folder.Path, "package")));
        Assert.Contains(
            "holds no tokenizer; expected one of 'tokenizer.json'", refusal.Message, StringComparison.Ordinal);
    }

    private static Gpt Make() => new(Size, 32, 4, 1, 32);

    private static void Refuses<T>(
        nn.Module module, string message, bool evaluates = true, LanguageModelExportOptions? options = null)
        where T : Exception
    {
        using TemporaryFolder folder = new();
        var tokenizer = Exported.WriteTokenizer(folder.Path);
        if (evaluates)
        {
            module.eval();
        }

        using var before = module.parameters().FirstOrDefault()?.clone();
        var refusal = Assert.ThrowsAny<T>(() => LanguageModelExport.FromModule(
            module, tokenizer, Path.Combine(folder.Path, "package"), options));
        TestContext.Current.TestOutputHelper?.WriteLine(refusal.Message);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);

        // Nothing is half written, and the module is as it was.
        Assert.Equal([tokenizer], Directory.EnumerateFileSystemEntries(folder.Path));
        Assert.True(before is null || before.equal(module.parameters().First()).all().item<bool>());
    }

    private sealed class LastLogits : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding _tokens;

        public LastLogits(int vocabulary)
            : base(nameof(LastLogits))
        {
            _tokens = nn.Embedding(vocabulary, 16);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
            => _tokens.call(input).mean([1]).matmul(_tokens.weight!.t());
    }

    private sealed class Positioned : nn.Module<Tensor, int, Tensor>
    {
        private readonly Embedding _tokens;

        public Positioned(int vocabulary)
            : base(nameof(Positioned))
        {
            _tokens = nn.Embedding(vocabulary, 16);
            RegisterComponents();
        }

        public override Tensor forward(Tensor ids, int start)
            => (_tokens.call(ids) + start).matmul(_tokens.weight!.t());
    }

    // Long sequences, which are not traced, take another path.
    private sealed class Threshold : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding _tokens;

        public Threshold(int vocabulary)
            : base(nameof(Threshold))
        {
            _tokens = nn.Embedding(vocabulary, 16);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var x = _tokens.call(input).cumsum(1);
            return (input.shape[1] > 20 ? x * 2 : x).matmul(_tokens.weight!.t());
        }
    }
}
