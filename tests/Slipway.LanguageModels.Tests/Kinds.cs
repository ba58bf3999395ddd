using Slipway.LanguageModels.Tests.Modules;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.LanguageModels.Tests;

/// <summary>Modules of three kinds for what every package can do.</summary>
internal static class Kinds
{
    private const int Size = Exported.VocabularySize;

    public static string[] Names { get; } = ["gpt", "llama", "experts"];

    public static nn.Module<Tensor, Tensor> Make(string name, int context)
    {
        manual_seed(2);
        nn.Module<Tensor, Tensor> module = name switch
        {
            "gpt" => new Gpt(Size, 32, 4, 2, context),
            "llama" => new Decoder(Size, 64, new LlamaBlock(64, 4, 2, context), new LlamaBlock(64, 4, 2, context)),
            "experts" => new Decoder(
                Size, 32, new Sinusoids(), new Block(32, 4, ScoreKind.Sdpa), new Experts(32, 4, 2)),
            "time first" => new Decoder(Size, 32, new Block(32, 4, ScoreKind.Alibi), new TimeFirst(32)),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
        };
        module.eval();
        return module;
    }

    /// <summary>The tokens that the module itself chooses.</summary>
    public static int[] Greedy(nn.Module<Tensor, Tensor> module, IReadOnlyList<int> prompt, int count)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        List<long> ids = [.. prompt.Select(id => (long)id)];
        for (var step = 0; step < count; step++)
        {
            ids.Add(module.call(tensor(ids.ToArray(), [1, ids.Count]))[0, -1].argmax().item<long>());
        }

        return [.. ids.Skip(prompt.Count).Select(id => (int)id)];
    }

    public static async Task<(int[] Tokens, Usage Usage)> Generate(
        LanguageModel model, IReadOnlyList<int> prompt, int count, string? adapter = null)
    {
        List<int> tokens = [];
        Usage? usage = null;
        await foreach (var token in model.GenerateAsync(new GenerationRequest
        {
            PromptIds = prompt, MaxOutputTokens = count, IgnoreEndOfSequence = true, Adapter = adapter,
        }))
        {
            tokens.Add(token.Id);
            usage = token.Usage ?? usage;
        }

        return ([.. tokens], usage!);
    }
}
