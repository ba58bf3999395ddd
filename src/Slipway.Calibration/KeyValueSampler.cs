using System.Numerics.Tensors;
using Slipway.Calibration.Running;
using Slipway.Packaging;
using Slipway.Sampling;
using Slipway.Tokenization;

namespace Slipway.Calibration;

/// <summary>Runs a decoder's graph and shows its keys and values.</summary>
/// <remarks>
/// What it runs over is a given text or, without one, texts that the model makes itself, drawn at temperature 1 with a
/// fixed seed. The graph is one that this library exports, with keys and values in float32.
/// </remarks>
public static class KeyValueSampler
{
    private const int Windows = 16, LongestWindow = 512;
    private const int OwnTexts = 8, LongestOwnText = 256;
    private const int Seed = 1;
    private static readonly string[] Logits = ["logits"];

    /// <summary>Runs over texts of the model's own.</summary>
    /// <param name="folder">The package.</param>
    /// <param name="observe">Takes an output's name, its elements and its shape [rows, heads, length, head
    /// size].</param>
    /// <param name="cancellationToken">Stops between two runs.</param>
    /// <exception cref="IOException">The package cannot be read.</exception>
    public static void Run(
        string folder, Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(observe);
        var package = ModelPackage.Open(folder);
        using var steps = new DecoderSteps(package.ModelPath);
        var model = package.Config.Model;
        var random = new Random(Seed);
        var tokens = new int[OwnTexts];
        for (var row = 0; row < tokens.Length; row++)
        {
            // Half of them begin otherwise: first tokens have keys like no others, and prompts begin with any.
            tokens[row] = row % 2 == 0 && model.BosTokenId is { } begin ? begin : random.Next(model.VocabSize);
        }

        var length = Math.Min(LongestOwnText, model.ContextLength);
        for (var step = 0; step < length; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            steps.Run(tokens, OwnTexts, Logits, (_, logits) =>
            {
                var all = logits.GetTensorDataAsSpan<float>();
                for (var row = 0; row < tokens.Length; row++)
                {
                    tokens[row] = Draw(all.Slice(row * model.VocabSize, model.VocabSize), random);
                }
            });
        }

        steps.Show(observe);
    }

    /// <summary>Runs over a text's first windows.</summary>
    /// <param name="folder">The package.</param>
    /// <param name="text">The text; at least two tokens.</param>
    /// <param name="observe">Takes an output's name, its elements and its shape [rows, heads, length, head
    /// size].</param>
    /// <param name="cancellationToken">Stops between two runs.</param>
    /// <exception cref="IOException">The package cannot be read, or has no tokenizer.</exception>
    /// <exception cref="ArgumentException">The text is too short.</exception>
    public static void Run(
        string folder, string text, Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(observe);
        ArgumentNullException.ThrowIfNull(text);
        var package = ModelPackage.Open(folder);
        var ids = HuggingFaceTokenizer.Load(folder).Encode(text, addSpecialTokens: false);
        if (ids.Length < 2)
        {
            throw new ArgumentException(
                $"The text has '{ids.Length}' tokens; keys and values are measured over two at least. Give a longer "
                + "one.",
                nameof(text));
        }

        var window = Math.Min(LongestWindow, package.Config.Model.ContextLength);
        int[] first = package.Config.Model.BosTokenId is { } begin && window > 1 ? [begin] : [];
        using var steps = new DecoderSteps(package.ModelPath);
        foreach (var part in ids.Chunk(window - first.Length).Take(Windows))
        {
            cancellationToken.ThrowIfCancellationRequested();
            steps.Restart();
            steps.Run([.. first, .. part], 1, [], null);
            steps.Show(observe);
        }
    }

    private static int Draw(ReadOnlySpan<float> logits, Random random)
    {
        var weights = new float[logits.Length];
        Softmax.Probabilities(logits, weights);
        var left = random.NextSingle();
        for (var id = 0; id < weights.Length; id++)
        {
            left -= weights[id];
            if (left < 0)
            {
                return id;
            }
        }

        return TensorPrimitives.IndexOfMax(logits);
    }
}
