using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Encoders;

/// <summary>Runs texts through an encoder, those of similar length together.</summary>
/// <remarks>Safe for concurrent use; batches take turns. Texts are padded on the right.</remarks>
internal sealed class TextEncoder : IDisposable
{
    private const string TokenTypes = "token_type_ids";
    private const int FallbackContext = 512;

    private readonly EncoderModel _model;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly EncoderTelemetry _telemetry;
    private readonly string _output;
    private readonly Type _owner;
    private readonly bool _hasTokenTypes;
    private readonly int _maxBatchTokens;
    private int _disposed;

    private TextEncoder(
        EncoderModel model, HuggingFaceTokenizer tokenizer, OnnxEncoderOptions options, EncoderPurpose purpose)
    {
        _model = model;
        Tokenizer = tokenizer;
        (_output, _owner) = (purpose.Output, purpose.Owner);
        _maxBatchTokens = options.MaxBatchTokens;
        _hasTokenTypes = model.Inputs.Contains(TokenTypes);
        Shape = model.Shape(_output) is [_, .., > 0] shape && shape.Length == purpose.Rank
            ? shape : throw purpose.Refuse(model);
        Settings = new SentenceSettings(model.Files);
        ContextLength = Context(model.Package, Settings, options.ContextLength);
        RequireRoomForText();
        _telemetry = new EncoderTelemetry(options.Name, purpose.Operation);
    }

    public EncoderPackage Package => _model.Package;

    /// <summary>The settings in the package.</summary>
    public PackageFiles Files => _model.Files;

    public SentenceSettings Settings { get; }

    public HuggingFaceTokenizer Tokenizer { get; }

    /// <summary>The names of the inputs that a run may be given.</summary>
    public IReadOnlyList<string> OptionalInputs => _model.OptionalInputs;

    /// <summary>The shape of the output, −1 where it varies.</summary>
    public int[] Shape { get; }

    /// <summary>The longest text in tokens, those that begin and end it included.</summary>
    public int ContextLength { get; }

    /// <summary>Opens a package.</summary>
    /// <exception cref="PackageException">A file is missing, altered or malformed.</exception>
    /// <exception cref="NotSupportedException">The package is made for something else.</exception>
    /// <exception cref="ArgumentException">The context length is longer than the model's.</exception>
    public static TextEncoder Load(OnnxEncoderOptions options, EncoderPurpose purpose)
    {
        var model = EncoderModel.Load(options.PackagePath!, options.ToModelOptions());
        try
        {
            const string file = "tokenizer.json";
            var tokenizer = model.Package.FindFile(file) ?? throw new PackageException(
                model.Package.Path,
                $"The package '{model.Package.Path}' has no '{file}', so it takes no texts. Copy the tokenizer of the "
                + "model's checkpoint into it.");
            return new TextEncoder(model, HuggingFaceTokenizer.Load(tokenizer), options, purpose);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Encodes a text with the tokens that begin and end it, cut off to the context.</summary>
    public EncodedText Encode(string text)
    {
        var ids = Tokenizer.Encode(text, addSpecialTokens: true);
        if (ids.Length > ContextLength)
        {
            var closing = ClosingTokens(text, ids);
            ids = [.. ids[..(ContextLength - closing)], .. ids[^closing..]];
        }

        return new EncodedText(ids);
    }

    /// <summary>Encodes a pair of texts as the tokenizer joins them, the longer one cut off to the context.</summary>
    public EncodedText Encode(string first, string second)
    {
        var (ids, types) = Tokenizer.EncodePair(first, second, ContextLength);
        return new EncodedText(ids, types);
    }

    /// <summary>Counts the tokens at the end that are not the text's own.</summary>
    public int ClosingTokens(string text, int[] ids)
    {
        var plain = Tokenizer.Encode(text, addSpecialTokens: false);
        var first = ids.AsSpan().IndexOf(plain);
        return first < 0 ? 0 : Math.Min(ids.Length - first - plain.Length, ContextLength);
    }

    /// <summary>Runs texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="read">Takes what the output says of each text, on a thread of the pool, one text at a time.</param>
    /// <param name="more">Further inputs of the graph; null for none.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    public Task RunAsync(
        IReadOnlyList<EncodedText> texts, ReadText read, (string Name, long Value)? more,
        CancellationToken cancellationToken)
        => _telemetry.RecordAsync(texts.Count, texts.Sum(text => (long)text.Ids.Length), async () =>
        {
            foreach (var batch in Batches(texts))
            {
                await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    ObjectDisposedException.ThrowIf(_disposed != 0, _owner);
                    _telemetry.Batch(batch.Length);
                    await Task.Run(() => Run(texts, batch, read, more, cancellationToken), cancellationToken)
                        .ConfigureAwait(false);
                }
                finally
                {
                    _turn.Release();
                }
            }
        });

    /// <summary>Frees the model once the batch in progress has ended.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _turn.Wait();
            _model.Dispose();
            _telemetry.Dispose();

            // Those who wait still find out.
            _turn.Release();
        }
    }

    private IEnumerable<int[]> Batches(IReadOnlyList<EncodedText> texts)
    {
        var batch = new List<int>();
        foreach (var index in Enumerable.Range(0, texts.Count).OrderByDescending(index => texts[index].Ids.Length))
        {
            // The first text is the longest: the others are padded to it.
            if (batch.Count > 0 && (batch.Count + 1L) * texts[batch[0]].Ids.Length > _maxBatchTokens)
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
        IReadOnlyList<EncodedText> texts, int[] batch, ReadText read, (string Name, long Value)? more,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var length = texts[batch[0]].Ids.Length;
        var (ids, mask, types) =
            (new long[batch.Length * length], new long[batch.Length * length], new long[batch.Length * length]);
        ids.AsSpan().Fill(_model.PadId);
        for (var row = 0; row < batch.Length; row++)
        {
            var text = texts[batch[row]];
            for (var i = 0; i < text.Ids.Length; i++)
            {
                var at = (row * length) + i;
                (ids[at], mask[at], types[at]) = (text.Ids[i], 1, text.Types?[i] ?? 0);
            }
        }

        long[] shape = [batch.Length, length];
        Dictionary<string, (long[], long[])> inputs = new()
        {
            ["input_ids"] = (ids, shape), ["attention_mask"] = (mask, shape),
        };
        if (_hasTokenTypes)
        {
            inputs[TokenTypes] = (types, shape);
        }

        if (more is var (name, value))
        {
            inputs[name] = ([value], [1]);
        }

        _model.Run(
            inputs, [_output],
            (_, values, _) =>
            {
                var size = values.Length / batch.Length;
                for (var row = 0; row < batch.Length; row++)
                {
                    read(batch[row], values.Slice(row * size, size));
                }
            },
            cancellationToken);
    }

    private void RequireRoomForText()
    {
        var min = Tokenizer.Encode("", addSpecialTokens: true).Length + 1;
        if (ContextLength < min)
        {
            throw new ArgumentException(
                $"ContextLength is '{ContextLength}'; with the tokens that begin and end a text at least '{min}' are "
                + "needed.",
                nameof(ContextLength));
        }
    }

    private static int Context(EncoderPackage package, SentenceSettings settings, int? asked)
    {
        var max = package.Manifest.ContextLength ?? FallbackContext;
        return asked > max
            ? throw new ArgumentException(
                $"ContextLength is '{asked}'; the model has '{max}' positions. Set it to that or less.", nameof(asked))
            : asked ?? Math.Min(settings.MaxLength ?? max, max);
    }
}

/// <summary>A text as an encoder reads it.</summary>
/// <param name="Ids">Its tokens, those that begin and end it included.</param>
/// <param name="Types">The type of each token; null for 0.</param>
internal readonly record struct EncodedText(int[] Ids, int[]? Types = null);

/// <summary>Takes what an encoder says of a text.</summary>
/// <param name="text">The text's place in the request.</param>
/// <param name="values">Its numbers; of an output with an axis for tokens those of the padding behind it too.</param>
internal delegate void ReadText(int text, ReadOnlySpan<float> values);

/// <summary>Purpose for which texts are run through an encoder.</summary>
/// <param name="Operation">What telemetry calls it.</param>
/// <param name="Owner">The public class, for <see cref="ObjectDisposedException"/>.</param>
/// <param name="Output">The graph's output.</param>
/// <param name="Rank">How many axes the output has.</param>
/// <param name="Refuse">Says why a model without that output does not do.</param>
internal sealed record EncoderPurpose(
    string Operation, Type Owner, string Output, int Rank, Func<EncoderModel, NotSupportedException> Refuse);
