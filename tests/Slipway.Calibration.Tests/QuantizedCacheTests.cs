using System.Runtime.Intrinsics.X86;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Calibration.Tests;

/// <summary>Runs packages whose keys and values are codes, beside the same in float32.</summary>
public sealed class QuantizedCacheTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Plain, soft caps with windows, attention sinks, windows of all layers, latents, two sets of frequencies, states.
    // Random weights amplify; where experts are chosen, other ones come out for some tokens.
    public static TheoryData<string, KeyValuePrecision, double> Cases { get; } = new()
    {
        { "llama", KeyValuePrecision.Float16, 0.005 },
        { "gemma3", KeyValuePrecision.Float16, 0.005 },
        { "gpt-oss", KeyValuePrecision.Float16, 0.005 },
        { "phi3-longrope", KeyValuePrecision.Float16, 0.005 },
        { "qwen3.5", KeyValuePrecision.Float16, 0.005 },
        { "llama", KeyValuePrecision.Int8, 0.05 },
        { "llama", KeyValuePrecision.Int4, 0.6 },
        { "llama-head20", KeyValuePrecision.Int8, 0.05 },
        { "llama-head20", KeyValuePrecision.Int4, 0.6 },
        { "llama-mha", KeyValuePrecision.Int8, 0.05 },
        { "ministral3", KeyValuePrecision.Int8, 0.05 },
        { "gemma4-moe-published", KeyValuePrecision.Int8, 0.6 },
        { "gpt2", KeyValuePrecision.Int8, 0.05 },
        { "gemma2", KeyValuePrecision.Int8, 0.05 },
        { "gemma3", KeyValuePrecision.Int8, 0.05 },
        { "gemma3", KeyValuePrecision.Int4, 0.6 },
        { "gpt-oss", KeyValuePrecision.Int8, 0.1 },
        { "mistral-window", KeyValuePrecision.Int8, 0.05 },
        { "deepseek-v3", KeyValuePrecision.Int8, 0.3 },
        { "phi3-longrope", KeyValuePrecision.Int8, 0.05 },
        { "qwen3.5", KeyValuePrecision.Int8, 0.05 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Generate_UnequalRowsChunksAndSharedPrefixes_GivesTheTokensOfOnePass(
        string name, KeyValuePrecision precision, double tolerance)
    {
        Export(name, "full", KeyValuePrecision.Float32);
        Export(name, "codes", precision);
        int[][] prompts = [.. new[] { 7, 24, 48, 40, 41 }.Select(
            length => Enumerable.Range(0, length).Select(i => 3 + (i * 37 % 200)).ToArray())];
        using var full = Load("full");
        using var alone = Load("codes", new() { PrefixCacheBytes = 0 });
        using var busy = Load("codes", new() { MaxPrefillTokens = 5, MaxMixedPrefillTokens = 3 });

        var cancellationToken = TestContext.Current.CancellationToken;
        var expected = await Task.WhenAll(prompts.Select(prompt => AnswerAsync(alone, prompt)));
        Assert.Equal(expected, await Task.WhenAll(prompts.Select(prompt => AnswerAsync(busy, prompt))));
        Assert.Equal(expected, await Task.WhenAll(prompts.Select(prompt => AnswerAsync(busy, prompt))));

        var (different, size) = (0.0, 0.0);
        for (var i = 0; i < prompts.Length; i++)
        {
            int[] ids = [.. prompts[i], .. expected[i]];
            var logits = await alone.ForwardAsync(ids, cancellationToken);
            var reference = await full.ForwardAsync(ids, cancellationToken);
            for (var position = 0; position < ids.Length; position++)
            {
                var (x, y) = (logits[position].ToArray(), reference[position].ToArray());
                different += x.Zip(y, (a, b) => (double)(a - b) * (a - b)).Sum();
                size += y.Sum(a => (double)a * a);
            }

            // Each on its own, for longer sequences may have other frequencies from their first token on.
            for (var length = prompts[i].Length; length < ids.Length; length++)
            {
                var pass = await alone.ForwardAsync(ids[..length], cancellationToken);
                var last = pass[length - 1].ToArray();
                Assert.InRange(last.Max() - last[ids[length]], 0, 1e-3);
            }
        }

        var error = Math.Sqrt(different / size);
        output.WriteLine($"{name} {precision}: the logits differ by {error:0.0e+0} of their size from float32's");
        Assert.InRange(error, precision == KeyValuePrecision.Float16 ? 0 : 1e-9, tolerance);
    }

    [Theory]
    [InlineData(KeyValuePrecision.Float16)]
    [InlineData(KeyValuePrecision.Int8)]
    [InlineData(KeyValuePrecision.Int4)]
    public async Task Load_SameBudget_HoldsAsManyMoreTokensAsTheyAreSmaller(KeyValuePrecision precision)
    {
        // A head is 64 bytes in single precision, 32 in half, 16 in int8, and 8 and its scales in int4; half precision
        // and int4 need the kernels.
        var tokens = (precision, Avx2.IsSupported) switch
        {
            (KeyValuePrecision.Float16, true) => 16 * 64 / 32,
            (KeyValuePrecision.Float16, false) => 16,
            (KeyValuePrecision.Int4, true) => 16 * 64 / 12,
            _ => 16 * 64 / 16,
        };
        Export("llama", "full", KeyValuePrecision.Float32);
        Export("llama", "codes", precision);
        const int bytes = 16 * 3 * 2 * 2 * 16 * sizeof(float);
        using var full = Load("full", new() { KeyValueCacheBytes = bytes });
        using var codes = Load("codes", new() { KeyValueCacheBytes = bytes });
        Assert.Equal((16, tokens), (full.ContextLength, codes.ContextLength));

        // Sequences that together need more than there is are computed again, not failed.
        using var alone = Load("codes");
        int[][] prompts = [.. Enumerable.Range(0, 6).Select(i => Enumerable.Range(3, 2 + (i % 3)).ToArray())];
        var expected = await Task.WhenAll(prompts.Select(prompt => AnswerAsync(alone, prompt, 24)));
        Assert.Equal(expected, await Task.WhenAll(prompts.Select(prompt => AnswerAsync(codes, prompt, 24))));
    }

    [Fact]
    public void Export_GivenText_MeasuresIt()
    {
        Export("llama", "full", KeyValuePrecision.Float32);
        File.WriteAllBytes(
            Path.Combine(_folder["full"], "tokenizer.json"),
            new Tokenization.Training.BpeTrainer(new() { VocabularySize = 256 }).Train(["text"]));
        List<long[]> shapes = [];
        KeyValueSampler.Run(_folder["full"], "one two three", (_, _, shape) => shapes.Add(shape.ToArray()), default);
        Assert.Equal(3 * 2, shapes.Count);
        Assert.All(shapes, shape => Assert.Equal([1, 2, 13 + 1, 16], shape));
        var error = Assert.Throws<ArgumentException>(
            () => KeyValueSampler.Run(_folder["full"], "a", (_, _, _) => { }, default));
        Assert.StartsWith(
            "The text has '1' tokens; keys and values are measured over two at least. Give a longer one.",
            error.Message,
            StringComparison.Ordinal);
    }

    private void Export(string name, string target, KeyValuePrecision precision)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        var report = Exporter.Export(checkpoint, _folder[target], new ExportOptions
        {
            KeyValueCache = precision, KeyValueMeasurement = KeyValueSampler.Run,
        });
        Assert.Equal(
            precision == KeyValuePrecision.Float32 ? null : KeyValuePrecisions.NameOf(precision),
            report.Manifest.KeyValueCache);
    }

    private LanguageModel Load(string name, LanguageModelOptions? options = null)
        => LanguageModel.Load(_folder[name], options);

    private static async Task<int[]> AnswerAsync(LanguageModel model, int[] prompt, int longest = 12)
    {
        List<int> ids = [];
        var request = new GenerationRequest
        {
            PromptIds = prompt, MaxOutputTokens = longest, IgnoreEndOfSequence = true,
        };
        await foreach (var token in model.GenerateAsync(request, TestContext.Current.CancellationToken))
        {
            ids.Add(token.Id);
        }

        return [.. ids];
    }
}
