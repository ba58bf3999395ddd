using Slipway.Classifiers;
using Slipway.Encoders;
using Slipway.Loading;
using Slipway.Packaging;

namespace Slipway;

/// <summary>Finds labelled spans in texts, such as names, with a model for token classification.</summary>
/// <remarks>
/// Safe for concurrent use; texts of similar length run together. The package is loaded with the first request and
/// disposed with the classifier. Tokens beyond the model's context have no labels, unless
/// <see cref="OnnxTokenClassifierOptions.Stride"/> is set. Special tokens that a text spells are those tokens, as the
/// models' reference implementations read them.
/// </remarks>
public sealed class OnnxTokenClassifier : IDisposable
{
    private static readonly EncoderPurpose Purpose =
        new("classify_tokens", typeof(OnnxTokenClassifier), "logits", Rank: 3, Refuse);

    private readonly LazyModel<TextLabeler<SpanJoiner>> _model;
    private readonly int? _stride;

    /// <summary>Creates a classifier over a package.</summary>
    /// <param name="packagePath">The package folder.</param>
    public OnnxTokenClassifier(string packagePath)
        : this(new OnnxTokenClassifierOptions { PackagePath = packagePath })
    {
    }

    /// <summary>Creates a classifier over a package.</summary>
    /// <param name="options">The package and how tokens are joined; later changes have no effect.</param>
    /// <exception cref="ArgumentException">An option is missing or out of range; the message names every
    /// one.</exception>
    public OnnxTokenClassifier(OnnxTokenClassifierOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var copy = options.Checked<OnnxTokenClassifierOptions>();
        _stride = copy.Stride;
        _model = copy.Lazy(typeof(OnnxTokenClassifier), () => TextLabeler<SpanJoiner>.Load(
            copy, Purpose, (encoder, labels) => new SpanJoiner(labels, copy, WordRule.Read(encoder))));
    }

    /// <summary>Finds the spans of texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>The spans of each text, in their order.</returns>
    /// <exception cref="ArgumentException">A text is null, or a window has no more tokens than the stride.</exception>
    /// <exception cref="NotSupportedException">The package has no labels of tokens.</exception>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    public async Task<IReadOnlyList<IReadOnlyList<TextSpan>>> ClassifyAsync(
        IEnumerable<string> texts, CancellationToken cancellationToken = default)
    {
        var all = RequestTexts.Check(texts, nameof(texts));
        using var use = await _model.UseAsync(cancellationToken).ConfigureAwait(false);
        var (encoder, spans) = use.Model;
        var windows = await Task.Run(
            () => all.SelectMany(
                (text, index) => TokenPlaces.Windows(encoder, text, _stride).Select(places => (index, places)))
                .ToArray(), cancellationToken)
            .ConfigureAwait(false);
        var found = new IReadOnlyList<TextSpan>[windows.Length];
        await encoder.RunAsync(
            Array.ConvertAll(windows, window => window.places.Encoded),
            (window, logits) => found[window] = spans.Join(
                all[windows[window].index], windows[window].places, logits), null, cancellationToken)
            .ConfigureAwait(false);
        var byText = windows.Zip(found).ToLookup(pair => pair.First.index, pair => pair.Second);
        return [.. Enumerable.Range(0, all.Length).Select(text => SpanJoiner.Merge([.. byText[text]]))];
    }

    /// <summary>Frees the model once the batch in progress has ended; later requests are refused.</summary>
    public void Dispose() => _model.Dispose();

    private static NotSupportedException Refuse(EncoderModel model) => new(
        $"The model of '{model.Package.Path}' tells no labels of tokens; its outputs are "
        + $"'{string.Join("', '", model.Outputs)}'. Give the package of a model for token classification; one for "
        + "whole texts is OnnxTextClassifier's.");
}
