using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Execution;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Embeddings;

/// <summary>Embeds texts with an encoder. Safe for concurrent use; batches take turns.</summary>
internal sealed class EmbeddingModel : IDisposable
{
    private const string Output = "sentence_embedding";
    private const string TokenTypes = "token_type_ids";
    private const string PromptLength = "prompt_length";
    private const int FallbackContext = 512;

    private readonly InferenceSession _session;
    private readonly HuggingFaceTokenizer _tokenizer;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly SentenceSettings _settings;
    private readonly bool _hasTokenTypes;
    private readonly bool _hasPromptLength;
    private readonly int _padId;
    private readonly int _maxBatchTokens;
    private int _disposed;

    private EmbeddingModel(
        EncoderPackage package,
        InferenceSession session,
        HuggingFaceTokenizer tokenizer,
        OnnxEmbeddingGeneratorOptions options)
    {
        _session = session;
        _tokenizer = tokenizer;
        Package = package;
        _maxBatchTokens = options.MaxBatchTokens;
        _settings = new SentenceSettings(package);
        _hasTokenTypes = session.InputMetadata.ContainsKey(TokenTypes);
        _hasPromptLength = session.OverridableInitializerMetadata.ContainsKey(PromptLength);
        _padId = PackageNumber(package, "config.json", "pad_token_id") ?? 0;
        if (session.OutputMetadata.GetValueOrDefault(Output)?.Dimensions is not [_, > 0 and var dimensions])
        {
            throw new NotSupportedException(
                $"The graph '{package.ModelPath}' has no output '{Output}', so it embeds no texts; it has "
                + $"'{string.Join("', '", session.OutputMetadata.Keys)}'. Export a checkpoint with a 'modules.json'.");
        }

        Dimensions = dimensions;
        ContextLength = Context(package, _settings, options.ContextLength);
        RequireRoomForText();
    }

    public EncoderPackage Package { get; }

    /// <summary>Numbers of an embedding.</summary>
    public int Dimensions { get; }

    /// <summary>The longest text in tokens, those that begin and end it included.</summary>
    public int ContextLength { get; }

    /// <summary>Opens a package.</summary>
    /// <exception cref="PackageException">A file is missing, altered or malformed.</exception>
    /// <exception cref="NotSupportedException">The package embeds no texts.</exception>
    /// <exception cref="ArgumentException">The context length is longer than the model's.</exception>
    public static EmbeddingModel Load(OnnxEmbeddingGeneratorOptions options)
    {
        var package = EncoderPackage.Open(options.PackagePath!);
        const string file = "tokenizer.json";
        var tokenizerPath = package.FindFile(file) ?? throw new PackageException(
            package.Path,
            $"The package '{package.Path}' has no '{file}', so it takes no texts. Copy the tokenizer of the model's "
            + "checkpoint into it.");
        var session = ModelSession.Open(package.ModelPath, options.ToModelOptions());
        try
        {
            return new EmbeddingModel(package, session, HuggingFaceTokenizer.Load(tokenizerPath), options);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Finds the prompt that goes before texts.</summary>
    /// <param name="name">A name among the package's prompts; null for its own choice, empty for none.</param>
    /// <exception cref="ArgumentException">The package has no such prompt.</exception>
    public TextPrompt Prompt(string? name)
    {
        var text = _settings.Prompt(name);
        if (text.Length == 0 || !_hasPromptLength)
        {
            return new TextPrompt(text, 0);
        }

        // The tokens that close a text stand after the prompt alone, not between it and a text.
        var ids = _tokenizer.Encode(Plain(text), addSpecialTokens: true);
        return new TextPrompt(text, Closing(Plain(text), ids) > 0 ? ids.Length - 1 : ids.Length);
    }

    /// <summary>Encodes a text after a prompt with the tokens that begin and end it, cut off to the context.</summary>
    public int[] Encode(string text, TextPrompt prompt)
    {
        text = Plain(prompt.Text + text);
        var ids = _tokenizer.Encode(text, addSpecialTokens: true);
        if (ids.Length <= ContextLength)
        {
            return ids;
        }

        var closing = Closing(text, ids);
        return [.. ids[..(ContextLength - closing)], .. ids[^closing..]];
    }

    /// <summary>Embeds texts of similar length together.</summary>
    /// <param name="texts">The texts' ids.</param>
    /// <param name="prompt">The prompt that they begin with.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>An embedding for each text, in their order.</returns>
    public async Task<float[][]> EmbedAsync(
        IReadOnlyList<int[]> texts, TextPrompt prompt, CancellationToken cancellationToken)
    {
        var embeddings = new float[texts.Count][];
        foreach (var batch in Batches(texts))
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                ObjectDisposedException.ThrowIf(_disposed != 0, typeof(OnnxEmbeddingGenerator));
                await Task.Run(() => Run(texts, batch, prompt, embeddings, cancellationToken), cancellationToken)
                    .ConfigureAwait(false);
            }
            finally
            {
                _turn.Release();
            }
        }

        return embeddings;
    }

    /// <summary>Frees the model once the batch in progress has ended.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _turn.Wait();
            _session.Dispose();

            // Those who wait still find out.
            _turn.Release();
        }
    }

    private IEnumerable<int[]> Batches(IReadOnlyList<int[]> texts)
    {
        var batch = new List<int>();
        foreach (var index in Enumerable.Range(0, texts.Count).OrderByDescending(index => texts[index].Length))
        {
            // The first text is the longest: the others are padded to it.
            if (batch.Count > 0 && (batch.Count + 1L) * texts[batch[0]].Length > _maxBatchTokens)
            {
                yield return [.. batch];
                batch.Clear();
            }

            batch.Add(index);
        }

        if (batch.Count > 0)
        {
            yield return [.. batch];
        }
    }

    private void Run(
        IReadOnlyList<int[]> texts, int[] batch, TextPrompt prompt, float[][] embeddings,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var length = texts[batch[0]].Length;
        var ids = new long[batch.Length * length];
        var mask = new long[ids.Length];
        ids.AsSpan().Fill(_padId);
        for (var row = 0; row < batch.Length; row++)
        {
            var text = texts[batch[row]];
            for (var i = 0; i < text.Length; i++)
            {
                ids[(row * length) + i] = text[i];
                mask[(row * length) + i] = 1;
            }
        }

        long[] shape = [batch.Length, length];
        using var idValue = OrtValue.CreateTensorValueFromMemory(ids, shape);
        using var maskValue = OrtValue.CreateTensorValueFromMemory(mask, shape);
        using var typeValue = OrtValue.CreateTensorValueFromMemory(new long[ids.Length], shape);
        using var promptValue = OrtValue.CreateTensorValueFromMemory(new[] { (long)prompt.Tokens }, [1]);
        Dictionary<string, OrtValue> inputs = new() { ["input_ids"] = idValue, ["attention_mask"] = maskValue };
        if (_hasTokenTypes)
        {
            inputs[TokenTypes] = typeValue;
        }

        if (_hasPromptLength)
        {
            inputs[PromptLength] = promptValue;
        }

        using var runOptions = new RunOptions();
        using var registration = cancellationToken.Register(() => runOptions.Terminate = true);
        try
        {
            using var outputs = _session.Run(runOptions, inputs, [Output]);
            var result = outputs[0].GetTensorDataAsSpan<float>();
            for (var row = 0; row < batch.Length; row++)
            {
                embeddings[batch[row]] = result.Slice(row * Dimensions, Dimensions).ToArray();
            }
        }
        catch (OnnxRuntimeException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    // How many tokens at the end are not the text's own.
    private int Closing(string text, int[] ids)
    {
        var plain = _tokenizer.Encode(text, addSpecialTokens: false);
        var first = ids.AsSpan().IndexOf(plain);
        return first < 0 ? 0 : Math.Min(ids.Length - first - plain.Length, ContextLength);
    }

    private void RequireRoomForText()
    {
        var min = _tokenizer.Encode("", addSpecialTokens: true).Length + 1;
        if (ContextLength < min)
        {
            throw new ArgumentException(
                $"ContextLength is '{ContextLength}'; with the tokens that begin and end a text at least '{min}' are "
                + "needed.",
                nameof(ContextLength));
        }
    }

    // Sentence Transformers takes white space off texts.
    private string Plain(string text) => _settings.LowerCase ? text.Trim().ToLowerInvariant() : text.Trim();

    private static int Context(EncoderPackage package, SentenceSettings settings, int? asked)
    {
        var max = package.Manifest.ContextLength ?? FallbackContext;
        return asked > max
            ? throw new ArgumentException(
                $"ContextLength is '{asked}'; the model has '{max}' positions. Set it to that or less.", nameof(asked))
            : asked ?? Math.Min(settings.MaxLength ?? max, max);
    }

    private static int? PackageNumber(EncoderPackage package, string file, string key)
    {
        if (package.FindFile(file) is not { } path)
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return json.RootElement.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number
                && value.TryGetInt32(out var number)
                ? number
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new PackageException(
                path, $"The file '{path}' is not valid: {e.Message} Export the package again, or mend the file.", e);
        }
    }
}

/// <summary>A prompt before texts.</summary>
/// <param name="Text">The prompt; empty for none.</param>
/// <param name="Tokens">How many of a text's first tokens pooling leaves out for it.</param>
internal readonly record struct TextPrompt(string Text, int Tokens);
