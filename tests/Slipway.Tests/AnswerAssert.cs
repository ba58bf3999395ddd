using System.Numerics.Tensors;

namespace Slipway.Tests;

/// <summary>Compares answers whose sums were added in another order than their reference's.</summary>
/// <remarks>
/// ONNX Runtime's kernels add the products of one row in another order than those of several, and in another order on
/// each kind of processor; so a decode step, a prompt's chunk and a recomputation differ in their last bits. Where
/// MatMulNBits also rounds its inputs to 8 bits, a last bit decides to which side a value is rounded, and logits move
/// by up to 0.1: over the 662 steps of the requests of <c>FaultTests</c> by 9.5e-2 (AVX2 alone as well as AVX-512),
/// where three choices fell otherwise, of margins up to 1.2e-2; on a processor without AVX, whose kernels do not round,
/// by 7.1e-6. Tokens are therefore compared with what the reference would choose after the very same tokens.
/// </remarks>
internal static class AnswerAssert
{
    /// <summary>The margin, in logits, of packages whose products are all in floating point.</summary>
    public const double Float = 1e-3;

    /// <summary>The margin, in logits, of packages whose products round their inputs to 8 bits.</summary>
    public const double Rounded = 0.1;

    // A fault of the engine makes most tokens wrong; ties are few.
    private const double MaxTies = 0.1;

    /// <summary>
    /// Requires each token to be the reference's choice after the prompt and the tokens before it, or as good a choice
    /// up to a margin; such ties are one token of ten at most.
    /// </summary>
    /// <param name="reference">A model that runs nothing else meanwhile.</param>
    /// <param name="request">Greedy, or with nothing but a temperature and a seed.</param>
    /// <param name="ids">The answer's tokens.</param>
    /// <param name="margin">In logits, or in probability where tokens are drawn.</param>
    /// <param name="draw">Gives what the request's seed draws, where it has a temperature.</param>
    public static async Task IsChosenAsync(
        LanguageModel reference, GenerationRequest request, IReadOnlyList<int> ids, double margin,
        Func<double>? draw = null)
    {
        var logits = await reference.ForwardAsync([.. request.PromptIds, .. ids.SkipLast(1)], request.Adapter);
        var ties = 0;
        for (var i = 0; i < ids.Count; i++)
        {
            var gap = Gap(logits[request.PromptIds.Count - 1 + i], ids[i], request.Sampling.Temperature, draw);
            Assert.True(
                gap <= margin, $"Token '{ids[i]}' at '{i}' is '{gap:0.0e+0}' from being the reference's choice.");
            ties += gap > 0 ? 1 : 0;
        }

        Assert.InRange(ties, 0, Math.Max(1, (int)(MaxTies * ids.Count)));
    }

    private static double Gap(ReadOnlySpan<float> logits, int id, double temperature, Func<double>? draw)
    {
        if (draw is null)
        {
            return TensorPrimitives.Max(logits) - logits[id];
        }

        var max = TensorPrimitives.Max(logits);
        var weights = Array.ConvertAll(logits.ToArray(), logit => Math.Exp((logit - max) / temperature));
        var drawn = draw() * weights.Sum();
        var from = weights.Take(id).Sum();
        return Math.Max(0, Math.Max(from - drawn, drawn - (from + weights[id])) / weights.Sum());
    }
}
