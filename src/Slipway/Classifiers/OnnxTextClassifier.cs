using Slipway.Classifiers;
using Slipway.Encoders;
using Slipway.Loading;
using Slipway.Packaging;

namespace Slipway;

/// <summary>Labels texts, or pairs of them, with a model for sequence classification.</summary>
/// <remarks>
/// Safe for concurrent use; texts of similar length run together. The package is loaded with the first request and
/// disposed with the classifier. Texts longer than the model's context are cut off, of a pair the longer one. Labels
/// and the kind of scores are those of the model's <c>config.json</c> (<c>id2label</c>, <c>problem_type</c>). Special
/// tokens that a text spells are those tokens, as the models' reference implementations read them.
/// </remarks>
public sealed class OnnxTextClassifier : IDisposable
{
    private static readonly EncoderPurpose Purpose =
        new("classify", typeof(OnnxTextClassifier), "logits", Rank: 2, Refuse);

    private readonly LazyModel<TextLabeler<ModelLabels>> _model;

    /// <summary>Creates a classifier over a package.</summary>
    /// <param name="packagePath">The package folder.</param>
    public OnnxTextClassifier(string packagePath)
        : this(new OnnxTextClassifierOptions { PackagePath = packagePath })
    {
    }

    /// <summary>Creates a classifier over a package.</summary>
    /// <param name="options">The package and what may be used for it; later changes have no effect.</param>
    /// <exception cref="ArgumentException">An option is missing or out of range; the message names every
    /// one.</exception>
    public OnnxTextClassifier(OnnxTextClassifierOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var copy = options.Checked<OnnxTextClassifierOptions>();
        _model = copy.Lazy(
            typeof(OnnxTextClassifier),
            () => TextLabeler<ModelLabels>.Load(copy, Purpose, (_, labels) => labels));
    }

    /// <summary>The package; it is opened where it is not yet.</summary>
    internal EncoderPackage Package
    {
        get
        {
            using var use = _model.Use();
            return use.Model.Encoder.Package;
        }
    }

    /// <summary>Labels texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>The scores of each text, in their order.</returns>
    /// <exception cref="ArgumentException">A text is null.</exception>
    /// <exception cref="NotSupportedException">The package has no labels of texts.</exception>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    public Task<IReadOnlyList<TextClassification>> ClassifyAsync(
        IEnumerable<string> texts, CancellationToken cancellationToken = default)
        => RunAsync(
            RequestTexts.Check(texts, nameof(texts)), (encoder, text) => encoder.Encode(text), cancellationToken);

    /// <summary>Labels pairs of texts, such as a premise and a hypothesis.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>The scores of each pair, in their order.</returns>
    /// <exception cref="ArgumentException">A text is null.</exception>
    /// <exception cref="NotSupportedException">The package has no labels of texts.</exception>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    public Task<IReadOnlyList<TextClassification>> ClassifyAsync(
        IEnumerable<(string First, string Second)> pairs, CancellationToken cancellationToken = default)
        => RunAsync(
            RequestTexts.Check(pairs, nameof(pairs)), (encoder, pair) => encoder.Encode(pair.First, pair.Second),
            cancellationToken);

    /// <summary>Frees the model once the batch in progress has ended; later requests are refused.</summary>
    public void Dispose() => _model.Dispose();

    private async Task<IReadOnlyList<TextClassification>> RunAsync<T>(
        T[] items, Func<TextEncoder, T, EncodedText> encode, CancellationToken cancellationToken)
    {
        using var use = await _model.UseAsync(cancellationToken).ConfigureAwait(false);
        var (encoder, labels) = use.Model;
        var texts = await Task.Run(() => Array.ConvertAll(items, item => encode(encoder, item)), cancellationToken)
            .ConfigureAwait(false);
        var results = new TextClassification[items.Length];
        await encoder.RunAsync(
            texts,
            (text, logits) =>
            {
                var own = logits.ToArray();
                results[text] = new([.. labels.Names.Zip(labels.Score(own), own)
                    .Select(label => new LabelScore(label.First, label.Second, label.Third))]);
            },
            null, cancellationToken).ConfigureAwait(false);
        return results;
    }

    private static NotSupportedException Refuse(EncoderModel model) => new(
        $"The model of '{model.Package.Path}' tells no labels of whole texts; its outputs are "
        + $"'{string.Join("', '", model.Outputs)}'. Give the package of a model for sequence classification; one for "
        + "tokens is OnnxTokenClassifier's.");
}
