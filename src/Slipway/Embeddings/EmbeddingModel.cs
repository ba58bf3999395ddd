using Slipway.Encoders;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Embeddings;

/// <summary>Embeds texts with an encoder. Safe for concurrent use; batches take turns.</summary>
internal sealed class EmbeddingModel : IDisposable
{
    private const string Output = "sentence_embedding";
    private const string PromptLength = "prompt_length";

    private static readonly EncoderPurpose Purpose =
        new("embeddings", typeof(OnnxEmbeddingGenerator), Output, Rank: 2, Refuse);

    private readonly TextEncoder _encoder;
    private readonly bool _hasPromptLength;

    private EmbeddingModel(TextEncoder encoder)
    {
        _encoder = encoder;
        _hasPromptLength = encoder.OptionalInputs.Contains(PromptLength);
    }

    public EncoderPackage Package => _encoder.Package;

    public HuggingFaceTokenizer Tokenizer => _encoder.Tokenizer;

    /// <summary>Numbers of an embedding.</summary>
    public int Dimensions => Math.Min(_encoder.Shape[1], _encoder.Settings.TruncatedSize ?? int.MaxValue);

    /// <summary>Opens a package.</summary>
    /// <exception cref="PackageException">A file is missing, altered or malformed.</exception>
    /// <exception cref="NotSupportedException">The package embeds no texts.</exception>
    /// <exception cref="ArgumentException">The context length is longer than the model's.</exception>
    public static EmbeddingModel Load(OnnxEmbeddingGeneratorOptions options)
        => new(TextEncoder.Load(options, Purpose));

    /// <summary>Finds the prompt that goes before texts.</summary>
    /// <param name="name">A name among the package's prompts; null for its own choice, empty for none.</param>
    /// <exception cref="ArgumentException">The package has no such prompt.</exception>
    public TextPrompt Prompt(string? name)
    {
        var text = _encoder.Settings.Prompt(name);
        if (text.Length == 0 || !_hasPromptLength)
        {
            return new TextPrompt(text, 0);
        }

        // The tokens that close a text stand after the prompt alone, not between it and a text.
        var ids = _encoder.Tokenizer.Encode(Plain(text), addSpecialTokens: true);
        return new TextPrompt(text, _encoder.ClosingTokens(Plain(text), ids) > 0 ? ids.Length - 1 : ids.Length);
    }

    /// <summary>Encodes a text after a prompt with the tokens that begin and end it, cut off to the context.</summary>
    public EncodedText Encode(string text, TextPrompt prompt) => _encoder.Encode(Plain(prompt.Text + text));

    /// <summary>Embeds texts of similar length together.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="prompt">The prompt that they begin with.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>An embedding for each text, in their order.</returns>
    public async Task<float[][]> EmbedAsync(
        IReadOnlyList<EncodedText> texts, TextPrompt prompt, CancellationToken cancellationToken)
    {
        var embeddings = new float[texts.Count][];
        await _encoder.RunAsync(
            texts, (text, values) => embeddings[text] = values[..Dimensions].ToArray(),
            _hasPromptLength ? (PromptLength, prompt.Tokens) : null, cancellationToken).ConfigureAwait(false);
        return embeddings;
    }

    /// <summary>Frees the model once the batch in progress has ended.</summary>
    public void Dispose() => _encoder.Dispose();

    // Sentence Transformers takes white space off texts.
    private string Plain(string text)
        => _encoder.Settings.LowerCase ? text.Trim().ToLowerInvariant() : text.Trim();

    private static NotSupportedException Refuse(EncoderModel model) => new(
        $"The graph '{model.Package.ModelPath}' has no output '{Output}', so it embeds no texts; it has "
        + $"'{string.Join("', '", model.Outputs)}'. Export a checkpoint with a 'modules.json'.");
}

/// <summary>A prompt before texts.</summary>
/// <param name="Text">The prompt; empty for none.</param>
/// <param name="Tokens">How many of a text's first tokens pooling leaves out for it.</param>
internal readonly record struct TextPrompt(string Text, int Tokens);
