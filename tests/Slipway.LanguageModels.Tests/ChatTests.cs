using Microsoft.Extensions.AI;
using Slipway.Export;
using Slipway.LanguageModels.Tests.Modules;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.LanguageModels.Tests;

/// <summary>Packages of modules in the engine: batches, prefixes, clients.</summary>
public sealed class ChatTests
{
    private const int Size = Exported.VocabularySize;
    private const int Context = 64;

    [Theory]
    [InlineData("gpt")]
    [InlineData("llama")]
    [InlineData("alibi")]
    [InlineData("window")]
    [InlineData("padding by ids")]
    [InlineData("convolution")]
    [InlineData("capped")]
    [InlineData("softcap")]
    [InlineData("sinks")]
    [InlineData("normed heads")]
    [InlineData("shift")]
    public async Task Engine_RequestsTogether_GivesTheTokensOfTheModule(string name)
    {
        manual_seed(2);
        using nn.Module module = name switch
        {
            "gpt" => new Gpt(Size, 32, 4, 2, Context),
            "llama" => new Decoder(Size, 64, new LlamaBlock(64, 4, 2, Context)),
            "window" => new Decoder(Size, 32, new Block(32, 4, ScoreKind.Window), new Block(32, 2, ScoreKind.Sdpa)),
            "padding by ids" => new PaddedDecoder(Size, 32, Context),
            "convolution" => new Decoder(Size, 32, new CausalConvolution(32), new Block(32, 4, ScoreKind.Sdpa)),
            "capped" => new CappedDecoder(Size, 64, 4, 2, 2, 30),
            "softcap" => new Decoder(Size, 32, new Block(32, 4, ScoreKind.Softcap)),
            "sinks" => new Decoder(Size, 32, new SinkBlock(32, 4, 6)),
            "normed heads" => new Decoder(Size, 128, new NormedHeads(128, 4, 2, 16)),
            "shift" => new Decoder(Size, 32, new ShiftBlock(32), new Block(32, 4, ScoreKind.Sdpa)),
            _ => new Decoder(Size, 32, new Block(32, 4, ScoreKind.Alibi)),
        };
        module.eval();
        using var exported = Exported.Of(module, new() { ContextLength = Context });
        using var model = LanguageModel.Load(exported.Package);
        Random random = new(3);
        int[][] prompts = [.. ((int[])[21, 3, 11, 21]).Select(length =>
            Enumerable.Range(0, length).Select(_ => random.Next(Size)).ToArray())];
        prompts[3] = [.. prompts[0][..14], .. prompts[3][14..]];
        var answers = await Task.WhenAll(prompts.Select(async prompt =>
        {
            List<int> tokens = [];
            await foreach (var token in model.GenerateAsync(
                new GenerationRequest { PromptIds = prompt, MaxOutputTokens = 12, IgnoreEndOfSequence = true }))
            {
                tokens.Add(token.Id);
            }

            return tokens.ToArray();
        }));
        for (var row = 0; row < prompts.Length; row++)
        {
            Assert.Equal(Kinds.Greedy((nn.Module<Tensor, Tensor>)module, prompts[row], 12), answers[row]);
        }
    }

    [Theory]
    [InlineData(Precision.Int4)]
    [InlineData(Precision.Int8)]
    [InlineData(Precision.Float16)]
    public async Task Client_QuantizedPackage_Answers(Precision precision)
    {
        manual_seed(4);
        using Gpt module = new(Size, 32, 2, 2, Context);
        module.eval();
        using var exported = Exported.Of(module, new() { Precision = precision });
        Assert.Equal(Precisions(precision), exported.Report.Manifest.Precision);
        using IChatClient client = new OnnxChatClient(exported.Package);
        var answer = await client.GetResponseAsync("The boat", new() { MaxOutputTokens = 8 });
        Assert.InRange(answer.Usage!.OutputTokenCount!.Value, 1, 8);
    }

    [Fact]
    public async Task Client_PromptBeyondTable_IsRefused()
    {
        manual_seed(5);
        using Gpt module = new(Size, 32, 2, 1, context: 24);
        module.eval();
        using var exported = Exported.Of(module);
        Assert.Equal(24, exported.Report.ContextLength);
        using IChatClient client = new OnnxChatClient(exported.Package);
        var refusal = await Assert.ThrowsAnyAsync<ArgumentException>(() => client.GetResponseAsync(
            string.Concat(Enumerable.Repeat("qxz ", 40))));
        Assert.Contains("24", refusal.Message, StringComparison.Ordinal);
    }

    private static string Precisions(Precision precision) => precision switch
    {
        Precision.Int4 => "int4",
        Precision.Int8 => "int8",
        _ => "fp16",
    };
}
